import type { Actor } from '#core/actor'
import { change } from '#core/change/change'
import { tell } from '#core/change/draft'
import type { Services } from '#core/services'
import { isHeld } from '#core/task/states'

/**
 * Asks every agent that works on a session for a checkpoint, through its inbox; the checkpoints come later.
 * @returns how many were asked, and the last checkpoint that there is already. @throws not_found
 */
export async function askCheckpoint(services: Services, actor: Actor, id: string) {
  const draft = await change(
    services,
    `session ${id}`,
    () => services.load.session(actor.tenant_id, id),
    (draft) => {
      for (const task of draft.tasks.values())
        if (isWorking(task.state)) tell(draft, task, 'INTERRUPT', { reason: 'checkpoint' })
    },
  )
  return { asked: draft.inbox.length, checkpoint_number: draft.session.checkpoint_number }
}

/** An offer that nobody has claimed has nothing to save yet. */
function isWorking(state: Parameters<typeof isHeld>[0]) {
  return isHeld(state) && state !== 'ASSIGNED'
}

import type { Release } from '#core/task/wire'
import type { Checkpointer, Trigger } from './checkpointer.ts'
import { ApiError } from './client.ts'
import { Ended, failureOf, Unmergeable } from './ending.ts'
import { reasonOf } from './log.ts'
import type { Running } from './running.ts'

/** Says how an attempt that did not complete ended to whom it concerns; nobody, when the task is no longer ours. */
export async function conclude(running: Running, checkpointer: Checkpointer | undefined, error: unknown) {
  const { gone, stop, log, outbox } = running
  if (gone.aborted || (error instanceof ApiError && error.gone)) {
    log('attempt_abandoned', { reason: reasonOf(gone.reason ?? error) })
    return
  }
  const ended = stop.aborted ? stop.reason : undefined
  const ending = ended instanceof Ended ? ended.ending : undefined
  if (ending?.kind === 'release') {
    await lastCheckpoint(running, checkpointer, ending.reason === 'stop' ? 'BEFORE_STOP' : 'BEFORE_PAUSE')
    await outbox.flush()
    return release(running, { reason: ending.reason })
  }
  if (!ending && error instanceof Unmergeable) {
    await outbox.push({ stream: 'system', text: `Git cannot merge: ${error.message}.` })
    await outbox.flush()
    return release(running, { reason: 'merge_conflict', conflict: error.conflict })
  }
  if (ending) await lastCheckpoint(running, checkpointer, 'BEFORE_STOP')
  else await checkpointer?.stop()
  const timeout = {
    code: 'timeout' as const,
    message: 'The time limit of the attempt was reached.',
    retryable: true,
  }
  await fail(running, ending ? timeout : failureOf(error))
}

async function fail(
  { client, task_id, attempt, outbox, gone, log }: Running,
  failure: ReturnType<typeof failureOf>,
) {
  const { code, message, retryable } = failure
  await outbox.push({ stream: 'system', text: `The attempt failed (${code}): ${message}` })
  await outbox.flush()
  await client.fail(task_id, { attempt, batch: outbox.batch, ...failure }, gone)
  log('attempt_failed', { code, retryable }, 'warn')
}

async function release(
  { client, task_id, attempt, outbox, gone, log }: Running,
  why: Pick<Release, 'reason' | 'conflict'>,
) {
  await client.release(task_id, { attempt, batch: outbox.batch, ...why }, gone)
  log('attempt_released', { reason: why.reason })
}

async function lastCheckpoint({ log }: Running, checkpointer: Checkpointer | undefined, trigger: Trigger) {
  await checkpointer?.stop()
  await checkpointer
    ?.now(trigger)
    .catch((error) => log('checkpoint_failed', { trigger, reason: reasonOf(error) }, 'warn'))
}

import type { Actor } from '#core/actor'
import type { Known } from '#core/change/draft'
import { readCheckpoint, type WholeCheckpoint } from '#core/checkpoint/read'
import { notFound, OrchestratorError } from '#core/error'
import { type NewEvent, pageText } from '#core/event/event'
import { lineage, maxGenerations } from '#core/event/lineage.sql'
import { newId } from '#core/id'
import { channelOf } from '#core/live/channel'
import type { Services } from '#core/services'
import { forkedTasks } from '#core/task/fork'
import type { Task } from '#core/task/task'
import { nothingReserved } from '#core/usage/budget'
import { noUsage } from '#core/usage/usage'
import { insertFork } from './fork.sql.ts'
import { readSession } from './read.ts'
import type { Fork } from './session.ts'

/** Messages that a fork's agents hear again: as many as a claim tells. */
const maxMessages = 50

/**
 * Makes a session that goes on from a checkpoint of another one, which is not touched: its code and its history by
 * reference, its tasks as they stood, everything counted from zero.
 * @throws not_found: the session, or the checkpoint; invalid_input when it descends from too many forks
 */
export async function forkSession(services: Services, actor: Actor, id: string, input: Fork) {
  const known = await services.load.session(actor.tenant_id, id)
  if (!known) throw notFound('session', id)
  const number = input.checkpoint ?? known.session.checkpoint_number
  // One that came after the look holds tasks that the look does not know.
  if (number > known.session.checkpoint_number) throw notFound('checkpoint', `${number} of session ${id}`)
  const [point, messages] = await Promise.all([
    readCheckpoint(services, actor, id, number),
    messagesUntil(services, actor, id, number),
    assertGeneration(services, actor, id),
  ])
  const child = newId('session')
  const { set, tasks, events, origins } = childOf(known, point, child, input)
  const changed = { session: { state: set.state, version: 1, usage: noUsage }, tasks: tasks.map(standing) }
  const [made] = await services.database.query(
    actor.tenant_id,
    insertFork({
      parent_id: id,
      set,
      fork_seq: point.seq,
      page: pageText(events),
      tasks,
      origins: [...origins].map(([id, origin]) => ({ id, origin })),
      messages: messages.map((message) => ({ ...message, id: newId('message') })),
      checkpoint: { id: newId('checkpoint'), changed },
    }),
  )
  if (!made) throw notFound('session', id)
  services.told?.({ tenant_id: actor.tenant_id, session_id: child }, events)
  await services.bells.ring([channelOf.fleet(actor.tenant_id)])
  if (input.start) await services.wake([{ kind: 'session', tenant_id: actor.tenant_id, session_id: child }])
  return readSession(services, actor, child)
}

function childOf({ session, tasks, now }: Known, point: WholeCheckpoint, id: string, input: Fork) {
  const title = input.title ?? session.title
  const { forked, origins } = forkedTasks(tasks, point.tasks, { id, now })
  const parent = { session_id: session.id, checkpoint: point.number }
  const { priority, repository, labels, budget } = session
  const of = { parent, seq: point.seq, title, priority, repository, labels, budget }
  const events: NewEvent[] = [{ at: now, type: 'session.forked', data: { to: 'PENDING', ...of } }]
  for (const task of forked) events.push(createdEvent(task, origins.get(task.id) ?? null, now))
  const data = { from: 'PENDING', to: 'QUEUED' }
  if (input.start) events.push({ at: now, type: 'session.queued', data })
  const state = input.start ? 'QUEUED' : 'PENDING'
  const history = { version: 1, last_seq: point.seq + events.length, checkpoint_number: 1 }
  const from = { parent_id: session.id, parent_checkpoint: point.number, fork_seq: point.seq }
  // What people allowed for good, they allowed the parent.
  const approval_policy = { ...session.approval_policy, grants: [] }
  const set = { id, title, state, approval_policy, ...history, ...from, ...fresh }
  return { set, tasks: forked, events, origins }
}

/** Everything of a session that a fork does not take over, but for what the statement sets. */
const fresh = {
  waiting: null,
  settle_by: null,
  usage: noUsage,
  reserved: nothingReserved,
  attempts_finished: 0,
  attempts_succeeded: 0,
  result: null,
  failure: null,
  step_errors: 0,
  started_at: null,
  ended_at: null,
}

function createdEvent(task: Task, origin: string | null, at: string): NewEvent {
  const { key, title, capability, depends_on, state, parent_id, kind, result } = task
  const commit = result?.commit ?? null
  const data = { key, title, capability, depends_on, state, parent_id, kind, commit, origin }
  return { at, type: 'task.created', task_id: task.id, data }
}

/** What the first checkpoint of a fork stores of a task, its snapshot in the text that a report has. */
function standing({ id, key, parent_id, kind, title, capability, depends_on, state, result, work }: Task) {
  const { number: _number, ...snapshot } = work ?? { number: 0 }
  const what = { parent_id, kind, title, capability, depends_on }
  const counters = { attempt: 0, failures: 0, losses: 0, agent_id: null }
  const saved = work ? { work: JSON.stringify(snapshot) } : {}
  return { id, key, ...what, state, ...counters, commit: result?.commit ?? null, ...saved }
}

function messagesUntil(services: Services, actor: Actor, id: string, checkpoint: number) {
  return services.database.query<{ text: string; created_at: string }>(actor.tenant_id, {
    name: 'messages_until',
    text: /* sql */ `
      select text, created_at from (
        select m.id, m.text, m.created_at from message m
        join checkpoint c on c.session_id = m.session_id and c.number = $2::int
        where m.session_id = $1::text and m.created_at <= c.created_at
        order by m.id desc limit ${maxMessages}) said order by id`,
    values: [id, checkpoint],
  })
}

async function assertGeneration(services: Services, actor: Actor, id: string) {
  const [row] = await services.database.query<{ generation: number }>(actor.tenant_id, {
    name: 'generation',
    text: `with recursive ${lineage} select max(generation)::int as generation from line`,
    values: [id],
  })
  if ((row?.generation ?? 0) < maxGenerations - 1) return
  const message = `It descends from ${maxGenerations} sessions by forks; fork one of its ancestors instead.`
  throw new OrchestratorError('invalid_input', message)
}

import type { Actor } from '#core/actor'
import type { Query, Statement } from '#core/database/database'
import { notFound, OrchestratorError } from '#core/error'
import { isHeld, type TaskState } from '#core/task/states'
import { staleAttempt } from '#core/task/work'
import type { Place } from './entry.ts'

/** The attempt that a worker acts for: the fence of its writes. */
export type Quoted = { task_id: string; attempt: number }

/** A task that the asking agent holds, or was the last to hold. */
type Own = { id: string; attempt: number; state: TaskState }
type Found = { session_id: string; own: Own[] }

const foundSql = (where: string) => /* sql */ `
  select s.id as session_id, coalesce((
    select json_agg(json_build_object('id', t.id, 'attempt', t.attempt, 'state', t.state)) from task t
    where t.session_id = s.id and t.agent_id = $2::text
  ), '[]') as own
  from session s where s.id = ${where}`

/** The session that a place belongs to, and the agent's tasks in it; indexes: session_pkey, task_session_id_key_key. */
function lookFor({ scope, id }: Place, agent_id: string | null): Statement {
  const ofTask = '(select session_id from task where id = $1::text)'
  return scope === 'TASK'
    ? { name: 'context_place_task', text: foundSql(ofTask), values: [id, agent_id] }
    : { name: 'context_place_session', text: foundSql('$1::text'), values: [id, agent_id] }
}

/** The session of a place, null for GLOBAL, with the agent's tasks there. @throws not_found */
async function find(query: Query, place: Place, actor: Actor) {
  if (place.scope === 'GLOBAL') return null
  const [found] = await query<Found>(lookFor(place, actor.kind === 'agent' ? actor.agent_id : null))
  if (!found) throw notFound(place.scope === 'TASK' ? 'task' : 'session', place.id)
  return found
}

/**
 * Who may read: operators all; an agent GLOBAL, and what belongs to the sessions it works on or finished a task of.
 * @returns the session of the place, null for GLOBAL. @throws not_found, forbidden
 */
export async function assertReads(query: Query, place: Place, actor: Actor) {
  const found = await find(query, place, actor)
  if (!found) return null
  if (actor.kind === 'agent' && found.own.length === 0) throw foreign('reads', place)
  return found.session_id
}

/**
 * Who may write: operators all; an agent GLOBAL, the tasks it holds and their sessions. What it quotes of a task
 * must be so: a stale attempt writes nowhere. @throws not_found, forbidden, stale_attempt
 */
export async function assertWrites(query: Query, place: Place, actor: Actor, quoted: Quoted | null) {
  const found = await find(query, place, actor)
  if (actor.kind !== 'agent') return
  if (quoted) await assertQuoted(query, actor, quoted)
  if (!found) return
  const held = found.own.filter(({ state }) => isHeld(state))
  const mine = quoted ? held.filter(({ id }) => id === quoted.task_id) : held
  const writes = mine.some(({ id }) => place.scope === 'SESSION' || id === place.id)
  if (!writes) throw foreign('writes', place)
}

async function assertQuoted(query: Query, actor: Extract<Actor, { kind: 'agent' }>, quoted: Quoted) {
  const [task] = await query<Own & { agent_id: string | null }>({
    name: 'context_quoted',
    text: 'select id, attempt, state, agent_id from task where id = $1::text',
    values: [quoted.task_id],
  })
  if (!task) throw notFound('task', quoted.task_id)
  const holds = task.agent_id === actor.agent_id && task.attempt === quoted.attempt && isHeld(task.state)
  if (!holds) throw staleAttempt(task, quoted.attempt)
}

function foreign(what: 'reads' | 'writes', { scope, id }: Place) {
  const rule =
    what === 'reads'
      ? 'GLOBAL and the sessions of its own tasks'
      : 'GLOBAL, the tasks it holds and their sessions'
  return new OrchestratorError('forbidden', `An agent ${what} ${rule}; ${scope} ${id} is none of these.`)
}

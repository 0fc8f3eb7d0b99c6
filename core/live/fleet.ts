import { agentsByName } from '#core/agent/read'
import type { Database } from '#core/database/database'
import { readStats } from '#core/fleet/stats'
import { sessionStates } from '#core/session/states'
import { maxFrameBytes } from './frame.ts'

/** Sessions of each state that a snapshot looks at, and how many of all it holds, those that changed last. */
const perState = 20
const maxSessions = 60
const maxAgents = 100

type SessionRow = { id: string } & Record<string, unknown>

/** The newest sessions of each state, so that no history is sorted; index: session_state. */
const sessionsSql = /* sql */ `
select s.id, s.title, s.state, s.priority, s.waiting, s.version, s.last_seq, s.usage, s.updated_at
from unnest($2::text[]) as state(name)
cross join lateral (
  select * from session where session.tenant_id = $1::text and session.state = state.name
  order by session.id desc limit ${perState}) s
order by s.updated_at desc limit ${maxSessions}`

/** How a tenant's fleet stands, as one frame: counts, agents by name, and the sessions that changed last. */
export async function fleetFrame(services: { database: Database }, tenant_id: string) {
  const actor = { kind: 'system', tenant_id } as const
  const everyone = { state: null, capability: null, limit: maxAgents, after: null }
  const [stats, agents, sessions] = await Promise.all([
    readStats(services, actor),
    agentsByName(services, actor, everyone),
    services.database.query<SessionRow>(tenant_id, {
      name: 'fleet_sessions',
      text: sessionsSql,
      values: [tenant_id, sessionStates],
    }),
  ])
  const brief = agents.items.map((agent) => {
    const { id, name, state, active, capacity, load, tier } = agent
    return { id, name, state, active, capacity, load, tier }
  })
  const head = { type: 'fleet', at: new Date().toISOString(), stats }
  const bytes = Buffer.byteLength(JSON.stringify({ ...head, agents: [], sessions: [], more: true }))
  const [shownAgents, left] = fitting(brief, maxFrameBytes - bytes)
  const [shownSessions] = fitting(sessions, left)
  const more =
    agents.next_cursor !== null || shownAgents.length < brief.length || shownSessions.length < sessions.length
  return JSON.stringify({ ...head, agents: shownAgents, sessions: shownSessions, more })
}

/** As many as fit, and the bytes that they leave. */
function fitting<T>(all: T[], room: number): [T[], number] {
  const taken: T[] = []
  let left = room
  for (const one of all) {
    const size = Buffer.byteLength(JSON.stringify(one)) + 1
    if (size > left) break
    left -= size
    taken.push(one)
  }
  return [taken, left]
}

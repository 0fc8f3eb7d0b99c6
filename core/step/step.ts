import { announce } from '#core/change/announce'
import { commitAll } from '#core/change/commit'
import { type Draft, draftOf, isChanged, nameRequest } from '#core/change/draft'
import { type KnownRow, toKnown } from '#core/change/load.sql'
import type { Database } from '#core/database/database'
import { admit, assign, type Fleet } from '#core/dispatch/dispatch'
import { channelOf } from '#core/live/channel'
import { leaseNames } from '#core/lock/keys'
import type { Lease, Leases } from '#core/lock/lease'
import type { Presence } from '#core/lock/presence'
import type { Told } from '#core/services'
import { advance, advanceDraft, giveUp, setWake } from '#core/session/advance'
import { isTerminal } from '#core/session/states'
import type { Bells } from '#core/wake/bell'
import type { Wake, WakeMessage } from '#core/wake/wake'
import {
  countStepError,
  type FleetRow,
  loadFleets,
  loadReady,
  loadStep,
  type StepRow,
  silence,
  tenantWake,
} from './load.sql.ts'
import { type Whole, wholeOf } from './whole.ts'

export type StepServices = {
  database: Database
  leases: Leases
  presence: Presence
  bells: Bells
  wake: (wakes: Wake[]) => Promise<void>
  /** Told of what a log line or a counter should know; never awaited. */
  report: (event: StepReport) => void
  /** The request that a session is looked at for, if it is known: workers carry it on. */
  requestOf?: (session_id: string) => string | undefined
  told?: Told
}

export type StepReport =
  | { event: 'step_committed'; sessions: number; transitions: number; conflicts: number }
  | { event: 'step_failed'; session_id: string; reason: string }
  | { event: 'agent_silenced'; agent_id: string }

/** Rounds of one call: a conflict asks for another look, and the sweep comes for what is left. */
const maxRounds = 10
/** Sessions that one statement holds; more go in further statements. */
const flight = 200
/** Steps that may throw for one session before it is given up. */
const maxStepErrors = 5
/** Silence of an agent is looked for this often while any is online, in seconds. */
const fleetSeconds = 16

/**
 * Looks at sessions and tenants and goes on while there is something to do. What it was told does not matter,
 * only what is true now: duplicates, reordering and redelivery change nothing.
 */
export async function step(services: StepServices, wakes: WakeMessage[]) {
  const tenants = new Set(wakes.map(({ tenant_id }) => tenant_id))
  const tenantOf = new Map(
    wakes.flatMap((wake) => (wake.kind === 'session' ? [[wake.session_id, wake.tenant_id] as const] : [])),
  )
  const leases = await services.leases.acquire([
    ...[...tenants].map(leaseNames.tenant),
    ...[...tenantOf].map(([id, tenant_id]) => leaseNames.session(tenant_id, id)),
  ])
  const missing = [...tenants].filter((id) => !leases.some(({ name }) => name === leaseNames.tenant(id)))
  const left: Left = { sessions: [], tenants: [] }
  try {
    const { committed, unfinished } = await lookWhileHeld(services, leases)
    left.sessions.push(...unfinished.sessions)
    left.tenants.push(...unfinished.tenants)
    // Whoever holds a tenant may have looked before this commit: it, or the next one, looks once more. A step
    // that committed nothing has left its mark at the lease, and that is enough.
    if (committed) left.tenants.push(...missing)
  } finally {
    // Whatever happened, nothing stays held; who rang meanwhile is heard by the next step.
    const marked = namesOf(await services.leases.leave(leases))
    left.sessions.push(...marked.sessions)
    left.tenants.push(...marked.tenants)
  }
  await services.wake([
    ...left.tenants.map((tenant_id): Wake => ({ kind: 'tenant', tenant_id })),
    ...left.sessions.flatMap((session_id): Wake[] => {
      const tenant_id = tenantOf.get(session_id)
      return tenant_id ? [{ kind: 'session', tenant_id, session_id }] : []
    }),
  ])
  await keepWatch(services, [...tenants])
}

/** What a step leaves to the next one. */
type Left = { sessions: string[]; tenants: string[] }

/** Looks until nothing is left that was rung for, at most `maxRounds` times; answers what still is. */
async function lookWhileHeld(services: StepServices, taken: Lease[]) {
  const held = namesOf(taken)
  let leases = taken
  let wanted = held
  let committed = false
  for (let round = 0; round < maxRounds && leases.length > 0; round++) {
    const { again, freed, changed } = await look(services, wanted.sessions, wanted.tenants)
    committed ||= changed
    // Another look at those that lost only; a freed place is for whoever waits in the tenants.
    if (again.length > 0 || freed) wanted = { ...wanted, sessions: again }
    else {
      leases = await services.leases.release(leases)
      // With the tenants, marked or not: what a session sets free here is handed out in the same look.
      wanted = { sessions: namesOf(leases).sessions, tenants: held.tenants }
    }
  }
  return { committed, unfinished: leases.length > 0 ? wanted : { sessions: [], tenants: [] } }
}

function namesOf(leases: { name: string }[]) {
  const parts = leases.map(({ name }) => name.split(':'))
  const sessions = parts.flatMap(([, kind, id]) => (kind === 'session' && id ? [id] : []))
  const tenants = parts.flatMap(([tenant_id, kind]) => (kind === 'tenant' && tenant_id ? [tenant_id] : []))
  return { sessions: [...new Set(sessions)], tenants: [...new Set(tenants)] }
}

/** One round: load, decide, commit. Answers the sessions that lost, whether a place was freed, and whether it stored anything. */
async function look(services: StepServices, session_ids: string[], tenant_ids: string[]) {
  const { database } = services
  const fleets = await database.query<FleetRow>(null, loadFleets(tenant_ids))
  const silent = await silenceOf(services, fleets)
  const wanted = [...new Set([...session_ids, ...silent.sessions])]
  const served = fleets.flatMap(servedBy)
  const [rows, ready] = await Promise.all([
    database.query<StepRow>(null, loadStep({ session_ids: wanted, queues: fleets.map(placesIn) })),
    served.length > 0 ? database.query<KnownRow>(null, loadReady(served, wanted)) : [],
  ])
  const whole = await decide(services, rows)
  const loaded = new Set(rows.map(({ id }) => id))
  const partial = ready.filter(({ id }) => !loaded.has(id)).map((row) => draftOf(toKnown(row)))
  for (const fleet of fleets) dispatch(fleet, silent.agents, whole, partial)
  for (const { draft } of whole) setWake(draft)
  for (const draft of partial) setOfferWake(draft)
  for (const draft of [...partial, ...whole.map((one) => one.draft)])
    nameRequest(draft, services.requestOf?.(draft.session.id))
  return store(services, [...whole.map(({ draft }) => draft), ...partial].filter(isChanged))
}

/** Sessions that a tenant may admit: those further back in its queue need not be loaded. */
function placesIn({ id, max_running_sessions, running_sessions, tokens_until }: FleetRow) {
  // While none may start nobody need be looked at for it.
  if (tokens_until) return { tenant_id: id, places: 0 }
  return { tenant_id: id, places: Math.max(0, max_running_sessions - running_sessions) }
}

/** With those who have just gone silent: what waited for them must be told. */
function servedBy({ id, agents }: FleetRow) {
  const capabilities = new Set(agents.flatMap((agent) => agent.capabilities))
  return [...capabilities].map((capability) => ({ tenant_id: id, capability }))
}

async function decide(services: StepServices, rows: StepRow[]): Promise<Whole[]> {
  const decided: Whole[] = []
  for (const row of rows) {
    const { known, holders } = wholeOf(row)
    try {
      if (row.step_errors >= maxStepErrors && !isTerminal(row.state)) {
        decided.push({ draft: giveUp(known, `${row.step_errors} steps failed.`), holders })
      } else decided.push({ draft: advance(known, holders), holders })
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
      services.report({ event: 'step_failed', session_id: row.id, reason })
      await services.database.query(null, countStepError(row.id))
    }
  }
  return decided
}

function dispatch(row: FleetRow, silent: Set<string>, whole: Whole[], partial: Draft[]) {
  const agents = row.agents.filter(({ id }) => !silent.has(id))
  const fleet: Fleet = { ...row, agents }
  const mine = whole.filter(({ draft }) => draft.session.tenant_id === row.id)
  const queued = mine.filter(({ draft }) => draft.session.state === 'QUEUED')
  admit(
    queued.map(({ draft }) => draft),
    fleet,
  )
  for (const { draft, holders } of queued) if (draft.session.state === 'RUNNING') advanceDraft(draft, holders)
  assign(
    [...mine.map(({ draft }) => draft), ...partial.filter(({ session }) => session.tenant_id === row.id)],
    fleet,
  )
}

/** A session of which only READY tasks are known: an offer's end may be its next deadline. */
function setOfferWake(draft: Draft) {
  let { wake_at } = draft.session
  for (const id of draft.touched) {
    const deadline = draft.tasks.get(id)?.deadline
    // Instants of records are written alike, and so are in order as texts.
    if (deadline && (wake_at === null || deadline < wake_at)) wake_at = deadline
  }
  if (wake_at !== draft.session.wake_at) draft.session = { ...draft.session, wake_at }
}

async function silenceOf(services: StepServices, fleets: FleetRow[]) {
  const known = fleets.flatMap(({ id: tenant_id, agents }) => agents.map(({ id }) => ({ tenant_id, id })))
  const alive = known.length > 0 ? await services.presence.alive(known) : null
  const agents = new Set(alive === null ? [] : known.flatMap(({ id }) => (alive.has(id) ? [] : [id])))
  if (agents.size === 0) return { agents, sessions: [] }
  const touched = await services.database.query<{ id: string }>(null, silence([...agents]))
  for (const agent_id of agents) services.report({ event: 'agent_silenced', agent_id })
  const tenants = fleets.filter((fleet) => fleet.agents.some(({ id }) => agents.has(id)))
  await services.bells.ring(tenants.map(({ id }) => channelOf.fleet(id)))
  return { agents, sessions: touched.map(({ id }) => id) }
}

async function store(services: StepServices, drafts: Draft[]) {
  const conflicts: string[] = []
  let freed = false
  let transitions = 0
  for (let i = 0; i < drafts.length; i += flight) {
    const batch = drafts.slice(i, i + flight)
    const outcomes = await commitAll(services.database, null, batch)
    const won = batch.filter((_, j) => outcomes[j] !== 'conflict')
    conflicts.push(...batch.filter((_, j) => outcomes[j] === 'conflict').map(({ session }) => session.id))
    freed ||= won.some(freesPlace)
    transitions += won.reduce((sum, { touched }) => sum + touched.size, 0)
    await announce(services, won)
  }
  if (transitions > 0 || conflicts.length > 0) {
    const event = 'step_committed'
    services.report({ event, sessions: drafts.length, transitions, conflicts: conflicts.length })
  }
  return { again: conflicts, freed, changed: drafts.length > conflicts.length }
}

const leavesPlace = ({ session, sessionTouched }: Draft) =>
  sessionTouched && (isTerminal(session.state) || session.state === 'PAUSED')

/** A session that ended or paused, or a task that left its agent, has freed a place that another round may fill. */
function freesPlace(draft: Draft) {
  return leavesPlace(draft) || draft.slots.some(({ give, take }) => give > take)
}

/** While agents are online, somebody looks before one could go silent unseen. */
async function keepWatch(services: StepServices, tenant_ids: string[]) {
  const moved = await services.database.query<{ id: string; waits: boolean }>(
    null,
    tenantWake(tenant_ids, fleetSeconds),
  )
  const wakes = moved.flatMap(({ id, waits }): Wake[] =>
    waits ? [{ kind: 'tenant', tenant_id: id, delay_seconds: fleetSeconds }] : [],
  )
  await services.wake(wakes)
}

import { type Tier, tierOf } from '#core/agent/agent'
import { type AgentState, agentStates } from '#core/agent/states'
import type { Database } from '#core/database/database'
import { sessionStates } from '#core/session/states'
import { taskStates } from '#core/task/states'
import { usageColumns } from '#core/usage/usage'

type Counts = Record<string, number>

/** Of all tenants, at one moment. What counts over time never goes down, whatever is deleted, forked or tried again. */
export type FleetFacts = {
  sessions: Counts
  tasks: Counts
  agents: { state: AgentState; tier: Tier; n: number }[]
  /** `capacity` and `active`, of agents that are not OFFLINE. */
  slots: Counts
  /** Since the beginning: how sessions and tasks ended, what was used, what was recovered from. */
  session_outcomes: Counts
  task_ends: Counts
  usage: Counts
  recoveries: Counts
  /** What waits: tasks for an agent, sessions for a place, steps that are due; and the oldest one's age in seconds. */
  waiting: Counts
  oldest: Counts
}

export const recoveryCauses = ['agent_lost', 'attempt_failed', 'step_failed'] as const
export const waitingFor = ['tasks', 'sessions', 'steps'] as const
const ends = ['COMPLETED', 'FAILED', 'CANCELLED'] as const
const outcomes = ['COMPLETED', 'FAILED', 'STOPPED'] as const
const tiers = ['ELITE', 'STANDARD', 'PROBATION'] as const

type Row = { fact: string; label: string; detail: string; n: number }

/** How the whole fleet stands and what it ever did; one look at a view (migration 0013), and so at one moment. */
export async function readFleetFacts(database: Database, tenant_id: string): Promise<FleetFacts> {
  const rows = await database.query<Row>(tenant_id, {
    name: 'read_fleet_facts',
    text: 'select fact, label, detail, n from fleet_fact',
    values: [],
  })
  const of = (fact: string, labels: readonly string[]): Counts => {
    const found = new Map(rows.flatMap((row) => (row.fact === fact ? [[row.label, row.n] as const] : [])))
    return Object.fromEntries(labels.map((label) => [label, found.get(label) ?? 0]))
  }
  const agentRows = rows.filter(({ fact }) => fact === 'agents')
  return {
    sessions: of('sessions', sessionStates),
    tasks: of('tasks', taskStates),
    agents: agentStates.flatMap((state) =>
      tiers.map((tier) => {
        const same = agentRows.filter((row) => row.label === state && tierOf(row.detail) === tier)
        return { state, tier, n: same.reduce((sum, { n }) => sum + n, 0) }
      }),
    ),
    slots: of('slots', ['capacity', 'active']),
    session_outcomes: of('session_outcomes', outcomes),
    task_ends: of('task_ends', ends),
    usage: of('usage', usageColumns),
    recoveries: of('recoveries', recoveryCauses),
    waiting: of('waiting', waitingFor),
    oldest: of('oldest', waitingFor),
  }
}

/** Rows that one sweep adds together, at most, and below which it leaves them as they are. */
const mostFolded = 20_000
const fewestFolded = 200

/** What triggers have added since the last time becomes one row a fact; their sum is the same before and after. */
const foldSql = /* sql */ `
with old as (
  select id from counted where (select count(*) from (select from counted limit $2::int) c) >= $2::int
  order by id limit $1::int
),
gone as (delete from counted c using old where c.id = old.id returning c.tenant_id, c.fact, c.label, c.n)
insert into counted (tenant_id, fact, label, n)
select tenant_id, fact, label, sum(n) from gone group by tenant_id, fact, label`

/** Keeps what is counted short: runs with the sweep, under the engine's role. */
export async function foldCounted(database: Database, fewest = fewestFolded) {
  await database.query(null, { name: 'fold_counted', text: foldSql, values: [mostFolded, fewest] })
}

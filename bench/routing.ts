import { registerAgent } from '#core/agent/register'
import { type Database, openDatabase, type Statement } from '#core/database/database'
import { createSession } from '#core/session/create'
import { step } from '#core/step/step'
import type { BenchDatabase } from './database.ts'
import { openEngine } from './engine.ts'
import { nodeCpu, type Percentiles, percentiles, rounded } from './measure.ts'
import { capabilities, parallelSession } from './plan.ts'

export type RoutingOptions = { tasks: number; agents: number; rounds: number }

export type RoutingFigures = {
  tasks: number
  agents: number
  statements: number
  /** What the fleet, the queue and the ready tasks take to load. */
  load_ms: Percentiles
  decision_ms: Percentiles
  statement_ms: Percentiles
  /** The decision and its statement. */
  routing_ms: Percentiles
  /** CPU of a whole step, its looks too, on average. */
  cpu_ms: { node: number; postgres: number | null }
}

const tasksEach = 10
const capacity = 5
/** Rounds that are not counted: the first ones connect, prepare and warm up. */
const warmUp = 3

/**
 * One wake of a tenant whose tasks are all ready and whose agents are all free, over and over: between two rounds
 * everything is put back by hand.
 */
export async function runRouting(
  database: BenchDatabase,
  { tasks, agents, rounds }: RoutingOptions,
): Promise<RoutingFigures> {
  const engine = openEngine(database.url, { pool: 4 })
  const direct = openDatabase({ url: database.url, role: 'engine', max: 4 })
  try {
    await prepare(engine, { tasks, agents })
    await database.analyze()
    const measured: Round[] = []
    const cpu = { node: 0, postgres: 0 }
    for (let i = 0; i < warmUp + rounds; i++) {
      await putBack(direct)
      const before = { node: nodeCpu(), postgres: database.cpu() ?? Number.NaN }
      const round = await route(engine, direct)
      if (i >= warmUp) {
        cpu.node += nodeCpu() - before.node
        cpu.postgres += (database.cpu() ?? Number.NaN) - before.postgres
      }
      await assertRouted(direct, tasks)
      if (i >= warmUp) measured.push(round)
    }
    const perRound = (seconds: number) => rounded((seconds / rounds) * 1000)
    const figures = (of: (round: Round) => number) => percentiles(measured.map(of))
    return {
      tasks,
      agents,
      statements: Math.max(...measured.map((round) => round.commits)),
      load_ms: figures(({ load }) => load),
      decision_ms: figures(({ decision }) => decision),
      statement_ms: figures(({ commit }) => commit),
      routing_ms: figures(({ decision, commit }) => decision + commit),
      cpu_ms: {
        node: perRound(cpu.node),
        postgres: Number.isNaN(cpu.postgres) ? null : perRound(cpu.postgres),
      },
    }
  } finally {
    await engine.close()
    await direct.end()
    await database.forget('everything')
  }
}

type Engine = ReturnType<typeof openEngine>

async function prepare(
  { services, operator, idle }: Engine,
  { tasks, agents }: Omit<RoutingOptions, 'rounds'>,
) {
  const input = parallelSession(tasksEach)
  for (let i = 0; i < tasks / tasksEach; i++) await createSession(services, operator, input)
  await idle()
  const engine = { name: 'scripted', version: '1', model: 'none', rehearsal: true }
  for (let i = 0; i < agents; i++)
    await registerAgent(services, operator, {
      name: `route-${i}`,
      engine,
      capabilities,
      capacity,
      labels: [],
    })
  await idle()
}

type Round = { load: number; decision: number; commit: number; commits: number }

/** One step: what is neither a look nor the commit is the decision, with the statement's rows made from it. */
async function route({ stepServices, operator }: Engine, direct: Database): Promise<Round> {
  const { tenant_id } = operator
  const round = { load: 0, commit: 0, commits: 0 }
  let looked = 0
  let committed = 0
  async function query<Row extends object>(tenant: string | null, statement: Statement) {
    const started = performance.now()
    const rows = await direct.query<Row>(tenant, statement)
    const ended = performance.now()
    if (statement.name.startsWith('load_')) looked = ended
    if (statement.name === 'commit') {
      round.commits += 1
      round.commit += ended - started
      committed = started
    }
    return rows
  }
  const started = performance.now()
  const services = { ...stepServices, database: { ...direct, query }, wake: async () => {} }
  await step(services, [{ kind: 'tenant', tenant_id }])
  return { ...round, load: looked - started, decision: committed - looked }
}

const run = (database: Database, text: string) => database.query(null, { name: '', text, values: [] })

async function putBack(database: Database) {
  await run(
    database,
    `update task set state = 'READY', agent_id = null, agent_incarnation = null, deadline = null, waiting = null
     where state = 'ASSIGNED'`,
  )
  await run(database, 'update agent set active = 0')
  await run(database, 'delete from inbox')
}

async function assertRouted(database: Database, tasks: number) {
  const [row] = await database.query<{ count: number }>(null, {
    name: '',
    text: `select count(*)::int from task where state = 'ASSIGNED'`,
    values: [],
  })
  if (row?.count !== tasks) throw new Error(`${row?.count} of ${tasks} ready tasks were routed.`)
}

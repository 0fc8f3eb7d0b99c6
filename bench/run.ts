import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { apart } from './apart.ts'
import { openBenchDatabase } from './database.ts'
import { runDispatch } from './dispatch.ts'
import { runFloor } from './floor.ts'
import { runLoad } from './load.ts'
import { machineFacts } from './machine.ts'
import { runRouting } from './routing.ts'
import { runStart } from './start.ts'
import { tableOf } from './table.ts'

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '500' },
    tasks: { type: 'string', default: '10' },
    concurrency: { type: 'string', default: '200' },
    alone: { type: 'string', default: '200' },
    http: { type: 'string', default: '40' },
    api: { type: 'string', default: '3' },
    floor: { type: 'string', default: '2000' },
    routing: { type: 'string', default: '1000' },
    dispatch: { type: 'string', default: '200' },
    live: { type: 'string', default: '1,100,500' },
    start: { type: 'string', default: '9' },
    agents: { type: 'string', default: '25' },
    capacity: { type: 'string', default: '10' },
    pool: { type: 'string', default: '4' },
    'database-url': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

const number = (name: string, text: string) => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} must be a whole number, not ${text}.`)
  return value
}

async function main() {
  const external = values['database-url'] ? process.env.DATABASE_URL : undefined
  if (values['database-url'] && !external) throw new Error('--database-url wants DATABASE_URL to be set.')
  const fleet = {
    tasks: number('tasks', values.tasks),
    agents: number('agents', values.agents),
    capacity: number('capacity', values.capacity),
    pool: number('pool', values.pool),
  }
  const saturation = {
    ...fleet,
    sessions: number('sessions', values.sessions),
    concurrency: number('concurrency', values.concurrency),
  }
  const alone = { ...fleet, sessions: number('alone', values.alone), concurrency: 1 }
  const overHttp = {
    sessions: number('http', values.http),
    tasks: fleet.tasks,
    concurrency: 20,
    agents: 4,
    capacity: 10,
  }
  const api = { seconds: number('api', values.api), connections: [1, 16, 64] }
  const floor = { sessions: number('floor', values.floor), steps: 10, concurrency: 200 }
  const routing = { tasks: number('routing', values.routing), agents: 200, rounds: 20 }
  const dispatch = { ...fleet, sessions: number('dispatch', values.dispatch), tasks: 5, work_ms: 200 }
  const live = {
    viewers: values.live
      .split(',')
      .map((text) => number('live', text))
      .filter((viewers) => viewers > 0),
    rate: 100,
    seconds: 5,
    catch_up: 10_000,
  }
  const start = { rounds: number('start', values.start) }
  const database = await openBenchDatabase(external)
  try {
    const machine = machineFacts(await database.facts(), external !== undefined)
    const result = {
      at: new Date().toISOString(),
      machine,
      options: { floor, saturation, alone, http: overHttp, api, routing, dispatch, live, start },
      floor: floor.sessions > 0 ? await runFloor(database, floor) : null,
      saturation: saturation.sessions > 0 ? await runLoad(database, saturation) : null,
      alone: alone.sessions > 0 ? await runLoad(database, alone) : null,
      http: overHttp.sessions > 0 ? await apart('http', overHttp) : null,
      api: api.seconds > 0 ? await apart('api', api) : null,
      routing: routing.tasks > 0 ? await runRouting(database, routing) : null,
      dispatch: dispatch.sessions > 0 ? await runDispatch(database, dispatch) : null,
      live: live.viewers.length > 0 ? await apart('live', live) : null,
      start: start.rounds > 0 ? await runStart(start) : null,
    }
    const folder = join(import.meta.dirname, '../.data/bench')
    mkdirSync(folder, { recursive: true })
    const file = join(folder, `${result.at.replaceAll(':', '-')}.json`)
    const text = JSON.stringify(result, null, 2)
    writeFileSync(file, `${text}\n`)
    process.stdout.write(values.json ? `${text}\n` : `${tableOf(result)}\n`)
  } finally {
    await database.close()
  }
}

// A request logs some lines: they are written by nobody here. The logger reads this where it is first loaded.
process.env.POWERTOOLS_LOG_LEVEL ??= 'SILENT'

await main()

import pg from 'pg'
import { gather } from '#core/database/gather'
import type { BenchDatabase } from './database.ts'
import { nodeCpu, rounded } from './measure.ts'

/** What a machine can do at best with durable steps; the engine's figures stand beside it. */
export type FloorFigures = {
  steps: number
  seconds: number
  steps_per_second: number
  cpu_seconds_per_1000_steps: number | null
}

const tables = /* sql */ `
  create table floor_session (id text primary key, version bigint not null, state json not null) with (fillfactor = 60);
  create table floor_checkpoint (session_id text, number bigint, state json not null, primary key (session_id, number));
  create table floor_event (session_id text, seq bigint, page text not null, primary key (session_id, seq));
  create table floor_outbox (id bigint generated always as identity primary key, session_id text not null)`

const stepAll = {
  name: 'floor_step',
  text: /* sql */ `
    with input as materialized (select * from unnest($1::text[], $2::bigint[], $3::text[]) as i(id, version, state)),
    moved as (
      update floor_session s set version = i.version + 1, state = i.state::json
      from input i where s.id = i.id and s.version = i.version
      returning s.id, s.version, i.state
    ),
    checked as (insert into floor_checkpoint select id, version, state::json from moved),
    paged as (insert into floor_event select id, version, state from moved),
    told as (insert into floor_outbox (session_id) select id from moved)
    select id from moved`,
}

const state = JSON.stringify({ state: 'RUNNING', tasks: [{ key: 'step', state: 'COMPLETED', attempt: 1 }] })

/**
 * A minimal engine without rules: a step writes a session, a checkpoint, an event and an outbox row, and sessions
 * share a commit. It says how fast this machine is, so that figures of two machines can be told apart.
 */
export async function runFloor(
  database: BenchDatabase,
  options: { sessions: number; steps: number; concurrency: number },
): Promise<FloorFigures> {
  const pool = new pg.Pool({ connectionString: database.url, max: 2, query_timeout: 60_000 })
  try {
    await pool.query(tables)
    const ids = Array.from({ length: options.sessions }, (_, i) => `floor-${i}`)
    await pool.query(`insert into floor_session select unnest($1::text[]), 0, '{}'`, [ids])
    await pool.query('analyze floor_session')
    const step = gather<{ id: string; version: number }, boolean>({
      async run(inputs) {
        const values = [
          inputs.map(({ id }) => id),
          inputs.map(({ version }) => version),
          inputs.map(() => state),
        ]
        const { rows } = await pool.query<{ id: string }>({ ...stepAll, values })
        const won = new Set(rows.map(({ id }) => id))
        return inputs.map(({ id }) => won.has(id))
      },
      key: ({ id }) => id,
      max: 200,
      lanes: 2,
    })
    const before = { at: performance.now(), node: nodeCpu(), postgres: database.cpu() }
    await inLanes(ids, options.concurrency, async (id) => {
      for (let version = 0; version < options.steps; version++)
        if (!(await step({ id, version }))) throw new Error(`Step ${version} of ${id} was refused.`)
    })
    const seconds = (performance.now() - before.at) / 1000
    const postgres = database.cpu()
    const cpu =
      postgres === null || before.postgres === null
        ? null
        : nodeCpu() - before.node + postgres - before.postgres
    const steps = options.sessions * options.steps
    return {
      steps,
      seconds: rounded(seconds),
      steps_per_second: rounded(steps / seconds, 0),
      cpu_seconds_per_1000_steps: cpu === null ? null : rounded((cpu / steps) * 1000, 3),
    }
  } finally {
    await pool.end()
  }
}

async function inLanes(ids: string[], lanes: number, run: (id: string) => Promise<void>) {
  const left = ids.values()
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (const id of left) await run(id)
    }),
  )
}

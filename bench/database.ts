import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { migrate } from '#core/database/migrate'
import { startPostgres } from '#local/services/postgres'
import { findPlace } from '#local/services/postgres-place'
import { readPostmaster } from '#local/services/postmaster'
import type { PostgresFacts } from './machine.ts'
import { treeCpu } from './measure.ts'

const deadlineMs = 60_000
const migrations = join(import.meta.dirname, '../core/migrations')

/** What the database says of what was done in it; all of it can be counted again by hand. */
export type Counted = {
  transitions: number
  events: number
  checkpoints: number
  tasks_completed: number
  sessions_completed: number
  sessions: number
}

/**
 * A fresh, migrated database with durable commits: on a PostgreSQL of our own in a temporary folder, or beside
 * what is there on the given server. `cpu` answers the server's CPU seconds, where they can be known.
 */
export async function openBenchDatabase(external: string | undefined) {
  const data = mkdtempSync(join(tmpdir(), 'orchestrator-bench-'))
  const server = await startPostgres({ external, data, port: 0, deadlineMs })
  const name = `orchestrator_bench_${process.pid}`
  const admin = new pg.Client({ connectionString: server.url, connectionTimeoutMillis: deadlineMs })
  await admin.connect()
  await admin.query(`create database ${name}`)
  const address = new URL(server.url)
  address.pathname = `/${name}`
  await migrate({ url: address.href, folder: migrations })
  const client = new pg.Client({ connectionString: address.href, connectionTimeoutMillis: deadlineMs })
  await client.connect()
  const pid = external === undefined ? (readPostmaster(findPlace(data).cluster)?.pid ?? null) : null

  return {
    url: address.href,
    cpu: () => treeCpu(pid),
    facts: () => factsOf(client),
    count: () => count(client),
    analyze: () => client.query('analyze'),
    /** Takes away what was made, so that it is not in the way of what comes next. */
    async forget(what: 'sessions' | 'everything') {
      await client.query('delete from session')
      if (what === 'everything') await client.query('delete from agent')
    },
    taskEvents: () => taskEvents(client),
    /** Where the write-ahead log ends, in bytes. */
    async wal() {
      const { rows } = await client.query<{ at: string }>(
        `select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text as at`,
      )
      return Number(rows[0]?.at)
    },
    async close() {
      await client.end()
      await admin.query(`drop database ${name} with (force)`)
      await admin.end()
      await server.stop()
      rmSync(data, { recursive: true, force: true })
    },
  }
}

export type BenchDatabase = Awaited<ReturnType<typeof openBenchDatabase>>

async function factsOf(client: pg.Client) {
  const { rows } = await client.query<PostgresFacts>(/* sql */ `
    select current_setting('server_version') as version, current_setting('fsync') as fsync,
           current_setting('synchronous_commit') as synchronous_commit`)
  const [row] = rows
  if (!row) throw new Error('The settings answered no row.')
  return row
}

export type TaskEvent = { task_id: string; type: string; at: string; state: string | null }

/** What the stored pages say of tasks, oldest first. */
async function taskEvents(client: pg.Client) {
  const { rows } = await client.query<TaskEvent>(/* sql */ `
    select e.value->>'task_id' as task_id, e.value->>'type' as type, e.value->>'at' as at,
           coalesce(e.value->'data'->>'to', e.value->'data'->>'state') as state
    from event_page p, json_array_elements(p.page::json) with ordinality e
    where e.value->>'type' like 'task.%' order by p.session_id, p.first_seq, e.ordinality`)
  return rows
}

/** A transition is an event of a session or task that names the state it left and the one it took. */
async function count(client: pg.Client): Promise<Counted> {
  const { rows } = await client.query<Counted>(/* sql */ `
    select
      (select count(*)::int from event_page p, json_array_elements(p.page::json) e
       where e->'data'->>'from' is not null and e->'data'->>'to' is not null) as transitions,
      (select coalesce(sum(last_seq), 0)::int from session) as events,
      (select count(*)::int from checkpoint) as checkpoints,
      (select count(*)::int from task where state = 'COMPLETED') as tasks_completed,
      (select count(*)::int from session where state = 'COMPLETED') as sessions_completed,
      (select count(*)::int from session) as sessions`)
  const [row] = rows
  if (!row) throw new Error('The count answered no row.')
  return row
}

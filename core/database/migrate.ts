import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createPool } from './pool.ts'

/**
 * Runs what the folder holds and the database does not, in the order of the names, each in a transaction
 * that first inserts its own row: a race of two migrators is settled by the primary key.
 * @returns the names that were run
 */
export async function migrate(options: { url: string; folder: string }) {
  const pool = createPool({ url: options.url, role: 'owner', max: 1, timeout_ms: 240_000 })
  try {
    // "if not exists" alone does not stand a race: both would find it missing, and one would be refused.
    await pool.query(`begin; select pg_advisory_xact_lock(hashtext('orchestrator migration'));
      create table if not exists migration (name text primary key, ran_at timestamptz default now()); commit`)
    const names = (await readdir(options.folder)).filter((name) => name.endsWith('.sql')).sort()
    const ran: string[] = []
    for (const name of names) {
      const sql = await readFile(join(options.folder, name), 'utf8')
      if (await runOnce(pool, name, sql)) ran.push(name)
    }
    return ran
  } finally {
    await pool.end()
  }
}

async function runOnce(pool: ReturnType<typeof createPool>, name: string, sql: string) {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const { rowCount } = await client.query(
      'insert into migration (name) values ($1) on conflict (name) do nothing',
      [name],
    )
    if (rowCount === 1) await client.query(sql)
    await client.query('commit')
    return rowCount === 1
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

import type pg from 'pg'
import { OrchestratorError } from '#core/error'
import { createPool, type Role } from './pool.ts'

/** One named statement: prepared once a connection, and to be pasted into psql as it stands. */
export type Statement = { name: string; text: string; values: unknown[] }

export type Database = {
  /** Runs a statement for a tenant; several tenants only under the engine's role (null). */
  query<Row extends object>(tenant_id: string | null, statement: Statement): Promise<Row[]>
  /** Several statements in one transaction, under the tenant's row-level security. */
  transaction<T>(tenant_id: string, body: (query: Query) => Promise<T>): Promise<T>
  end(): Promise<void>
}

export type Query = <Row extends object>(statement: Statement) => Promise<Row[]>

/** Opens a database under a role. Nothing connects before the first query. */
export function openDatabase(options: { url: string; role: Exclude<Role, 'owner'>; max: number }): Database {
  const pool = createPool(options)

  /** Begin, statement and commit go to the server in one piece, and so does the wait for them. */
  async function single<Row extends object>(tenant_id: string, statement: Statement): Promise<Row[]> {
    const client = await connect(pool)
    let broken = false
    try {
      const [began, answer, ended] = await Promise.allSettled([
        client.query(beginFor(client, tenant_id)),
        client.query<Row>(statement),
        // After a statement that failed it is a rollback.
        client.query('commit'),
      ])
      broken = ended.status === 'rejected'
      if (began.status === 'rejected') throw asUnavailable(began.reason)
      if (answer.status === 'rejected') throw asUnavailable(answer.reason)
      if (ended.status === 'rejected') throw asUnavailable(ended.reason)
      return answer.value.rows
    } finally {
      client.release(broken)
    }
  }

  async function transaction<T>(tenant_id: string, body: (query: Query) => Promise<T>) {
    const client = await connect(pool)
    let broken = false
    try {
      await client.query(beginFor(client, tenant_id))
      const answer = await body(async (statement) => (await client.query(statement)).rows)
      await client.query('commit')
      return answer
    } catch (cause) {
      await client.query('rollback').catch(() => {
        broken = true
      })
      throw asUnavailable(cause)
    } finally {
      client.release(broken)
    }
  }

  async function query<Row extends object>(tenant_id: string | null, statement: Statement): Promise<Row[]> {
    return retrying(async () => {
      if (options.role === 'app') {
        if (tenant_id === null)
          throw new OrchestratorError('internal', 'The api queries one tenant at a time.')
        return single<Row>(tenant_id, statement)
      }
      try {
        return (await pool.query<Row>(statement)).rows
      } catch (cause) {
        throw asUnavailable(cause)
      }
    })
  }

  return {
    query,
    transaction: (tenant_id, body) => retrying(() => transaction(tenant_id, body)),
    end: () => pool.end(),
  }
}

/** Both in one round trip; the setting ends with the transaction, so that the pool carries no tenant over. */
function beginFor(client: pg.PoolClient, tenant_id: string) {
  return `begin; set local app.tenant = ${client.escapeLiteral(tenant_id)}`
}

async function connect(pool: pg.Pool) {
  try {
    return await pool.connect()
  } catch (cause) {
    throw asUnavailable(cause)
  }
}

/** Deadlocks and serialization failures: Postgres asks for the transaction to be run again. */
const retriedCodes = new Set(['40001', '40P01'])
const attempts = 4

async function retrying<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (attempt >= attempts || !retriedCodes.has(sqlState(error))) throw error
    }
  }
}

function sqlState(error: unknown) {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : ''
}

/** Classes 08 (connection), 53 (resources), 57P (shutdown) and socket errors pass by themselves. */
function asUnavailable(cause: unknown) {
  const code = sqlState(cause)
  const message = cause instanceof Error ? cause.message : String(cause)
  const gone =
    /^(08|53|57P)/.test(code) ||
    /^E[A-Z]+$/.test(code) ||
    /timeout exceeded when trying to connect|Connection terminated|Query read timeout/.test(message)
  return gone
    ? new OrchestratorError('dependency_unavailable', `Postgres cannot be reached: ${message}`, { cause })
    : cause
}

import pg from 'pg'

/** `app` is the api's role and sees one tenant; `engine` sees all; `owner` migrates. */
export type Role = 'app' | 'engine' | 'owner'

const { builtins } = pg.types

/** Times are RFC 3339 strings in records and on the wire; counts fit a double exactly. */
function parserOf(oid: number, format?: 'text' | 'binary') {
  if (oid === builtins.TIMESTAMPTZ) return instant
  if (oid === builtins.INT8) return Number
  return pg.types.getTypeParser(oid, format)
}

/** `2024-02-03 12:00:00.123+00`, as most are written, becomes ISO without a detour over a Date. */
function instant(text: string) {
  if (text.length === 26 && text.endsWith('+00')) return `${text.slice(0, 10)}T${text.slice(11, 23)}Z`
  return new Date(text).toISOString()
}

/** Opens nothing yet: the first query connects. `max` times the concurrency must fit the server's limit. */
export function createPool(options: { url: string; role: Role; max: number; timeout_ms?: number }) {
  const timeout = options.timeout_ms ?? 20_000
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.max,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: true,
    pipeline: true,
    query_timeout: timeout + 1_000,
    application_name: `orchestrator-${options.role}`,
    options: [
      options.role === 'owner' ? '' : `-c role=orchestrator_${options.role}`,
      `-c statement_timeout=${timeout}`,
      '-c idle_in_transaction_session_timeout=10000',
      '-c timezone=UTC',
      // Planned once a connection; what is read often is in memory.
      '-c plan_cache_mode=force_generic_plan',
      '-c random_page_cost=1.1',
    ]
      .filter(Boolean)
      .join(' '),
    types: { getTypeParser: parserOf },
  })
  // An idle connection that the server closed is replaced by the next query; without a listener it would throw.
  pool.on('error', () => {})
  return pool
}

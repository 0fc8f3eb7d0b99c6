import { createPool, type Role } from './pool.ts'

export type Login = { login: string; role: Exclude<Role, 'owner'>; password: string }

/**
 * Gives each role a login that is a member of it alone, so that a connection cannot become another role; runs as
 * the owner, after the migrations. Passwords are set anew each time. See docs/adr/0003.
 */
export async function ensureLogins(options: { url: string; logins: Login[] }) {
  const pool = createPool({ url: options.url, role: 'owner', max: 1 })
  try {
    for (const { login, role, password } of options.logins) {
      const made = await pool.query('select from pg_roles where rolname = $1', [login])
      const [name, of, secret] = await quoted(pool, login, `orchestrator_${role}`, password)
      if (made.rowCount === 0) await pool.query(`create role ${name} login noinherit`)
      await pool.query(`alter role ${name} login password ${secret}`)
      await pool.query(`grant ${of} to ${name}`)
    }
  } finally {
    await pool.end()
  }
}

/** Two identifiers and a literal, quoted by the server itself: no statement takes them as parameters. */
async function quoted(pool: ReturnType<typeof createPool>, ...values: [string, string, string]) {
  const text = 'select quote_ident($1) as a, quote_ident($2) as b, quote_literal($3) as c'
  const { rows } = await pool.query<{ a: string; b: string; c: string }>(text, values)
  const [row] = rows
  if (!row) throw new Error('The server quoted nothing.')
  return [row.a, row.b, row.c] as const
}

import type { Database } from '#core/database/database'

/** Every row of every table that has tenants: what a refused request must leave as it was. */
export async function everything(engine: Database) {
  const query = <Row extends object>(text: string) => engine.query<Row>(null, { name: '', text, values: [] })
  const tables = await query<{ name: string }>(
    `select distinct table_name::text as name from information_schema.columns
     where table_schema = 'public' and (column_name = 'tenant_id' or table_name = 'tenant') order by 1`,
  )
  const rows = tables.map(({ name }) => `'${name}', (select json_agg(r order by r::text) from ${name} r)`)
  const [row] = await query<{ everything: Record<string, unknown> }>(
    `select json_build_object(${rows.join(', ')}) as everything`,
  )
  return row?.everything ?? {}
}

/**
 * The columns of rows that a statement is sent, by their types. `json` values go as lines of one text, since JSON
 * never holds a raw line feed: nothing is quoted twice.
 */
export type Columns = Record<string, 'text' | 'int' | 'timestamptz' | 'json'>

/** Rows with a value or nothing for each column. */
export type RowOf<C extends Columns> = { readonly [name in keyof C]?: unknown }

/**
 * Rows as one parameter for each column: Postgres reads them several times as fast as it reads objects in JSON, and
 * they are half as long.
 */
export function columnValues<C extends Columns>(columns: C, rows: readonly RowOf<C>[]): unknown[] {
  return Object.entries(columns).map(([name, type]) => {
    const values = rows.map((row) => row[name] ?? null)
    return type === 'json' ? linesOf(values) : arrayOf(values)
  })
}

/** Of ids, states, numbers and instants none has to be quoted, which the driver would do with each. */
const plain = /^(?!null$)[\w:.+-]+$/i

/** An array as Postgres writes one. */
function arrayOf(values: readonly unknown[]) {
  return `{${values.map(elementOf).join(',')}}`
}

function elementOf(value: unknown) {
  if (value === null || typeof value === 'number') return value ?? 'NULL'
  const text = String(value)
  return plain.test(text) ? text : `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}

/** A value a line; an empty one is null. */
export function linesOf(values: readonly unknown[]) {
  return values.map((value) => (value === null ? '' : JSON.stringify(value))).join('\n')
}

/**
 * The same rows in SQL, under a name: its parameters are `$first` and those behind it. JSON is text there. Of arrays
 * the planner expects ten values, and would join thousands by loops: of the series beside them it expects many.
 */
export function columnsSql(columns: Columns, first: number, name: string) {
  const types = Object.values(columns)
  const arrays = types.map((type, i) => (type === 'json' ? linesSql(first + i) : `$${first + i}::${type}[]`))
  const values = arrays.map((array) => `unnest(${array})`).join(', ')
  const series = `generate_series(1, cardinality(${arrays[0]}))`
  return `rows from (${values}, ${series}) as ${name}(${Object.keys(columns).join(', ')}, place)`
}

/** What `linesOf` wrote, as an array of texts. */
export const linesSql = (place: number) => `string_to_array($${place}::text, chr(10), '')`

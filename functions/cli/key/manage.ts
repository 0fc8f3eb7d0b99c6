import * as z from 'zod'
import { type Api, call, send } from '../api/client.ts'
import { listOf } from '../api/records.ts'
import { exit } from '../exit.ts'
import { plain } from '../harmless.ts'
import { printJson, table } from '../print.ts'
import type { Terminal } from '../terminal.ts'

export type KeyCreateOptions = { name: string; scope: string[]; expires?: string }
export type KeyListOptions = { limit?: number; cursor?: string }

const time = z.string().nullable()
const KeyView = z.object({
  id: z.string(),
  prefix: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  expires_at: time,
  revoked_at: time,
  last_used_at: time,
})
const KeyMade = z.object({ key: KeyView, token: z.string() })

/** Makes a key. Its token is all of the output, so that it can be piped: it is told only now. */
export async function createKey(terminal: Terminal, api: Api, options: KeyCreateOptions, json: boolean) {
  const { name, scope, expires } = options
  const body = { name, scopes: scope, ...(expires === undefined ? {} : { expires_at: expires }) }
  const { raw, value } = await call(api, KeyMade, '/keys', { method: 'POST', body })
  if (json) printJson(terminal, raw)
  else {
    terminal.err(`${plain(value.key.id)} "${plain(value.key.name)}": keep its token, it is not told again.\n`)
    terminal.out(`${plain(value.token)}\n`)
  }
  return exit.ok
}

/** Keys, newest first, with what has become of them. */
export async function listKeys(terminal: Terminal, api: Api, query: KeyListOptions, json: boolean) {
  const { raw, value } = await call(api, listOf(KeyView), '/keys', { query })
  if (json) printJson(terminal, raw)
  else {
    const rows = value.items.map((key) => [
      key.id,
      key.name,
      `oio_${key.prefix}_…`,
      key.scopes.join(','),
      key.last_used_at ?? 'never',
      stateOf(key),
    ])
    terminal.out(table(['id', 'name', 'key', 'scopes', 'used', 'state'], rows))
    if (value.next_cursor) terminal.out(`more: add --cursor ${plain(value.next_cursor)}\n`)
  }
  return exit.ok
}

function stateOf({ revoked_at, expires_at }: z.infer<typeof KeyView>) {
  if (revoked_at !== null) return `revoked ${revoked_at}`
  return expires_at === null ? 'valid' : `until ${expires_at}`
}

/** Revokes a key; within 5 seconds it opens nothing. */
export async function revokeKey(terminal: Terminal, api: Api, id: string, json: boolean) {
  await send(api, `/keys/${encodeURIComponent(id)}`, { method: 'DELETE' })
  if (json) printJson(terminal, { id, revoked: true })
  else terminal.out(`${plain(id)} revoked\n`)
  return exit.ok
}

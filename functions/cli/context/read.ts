import { type Api, call } from '../api/client.ts'
import { ContextVersionView, ContextView, listOf } from '../api/records.ts'
import { exit } from '../exit.ts'
import { plain } from '../harmless.ts'
import { printJson, table } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { entryPath, type PlaceOptions, placePath } from './place.ts'

type Page = { limit?: number; cursor?: string }
/** `own` leaves out what a wider scope holds. */
export type ContextListOptions = PlaceOptions & Page & { prefix?: string; own?: boolean }
export type ContextGetOptions = PlaceOptions & { own?: boolean }
export type ContextHistoryOptions = PlaceOptions & Page

const resolving = (own?: boolean) => (own ? { resolve: 'false' } : {})

/** What agents share, by key: a task sees its session's and everybody's entries too. */
export async function listContext(terminal: Terminal, api: Api, options: ContextListOptions, json: boolean) {
  const { prefix, limit, cursor, own } = options
  const query = { ...resolving(own), prefix, limit, cursor }
  const { raw, value } = await call(api, listOf(ContextView), placePath(options), { query })
  if (json) printJson(terminal, raw)
  else if (value.items.length === 0) terminal.out('no entries\n')
  else {
    const rows = value.items.map(({ key, scope, version, author, value }) => [
      key,
      scope,
      String(version),
      author,
      short(value),
    ])
    terminal.out(table(['KEY', 'SCOPE', 'VERSION', 'BY', 'VALUE'], rows))
    if (value.next_cursor) terminal.out(`more: add --cursor ${plain(value.next_cursor)}\n`)
  }
  return exit.ok
}

/** The value of an entry, as JSON. */
export async function getContext(
  terminal: Terminal,
  api: Api,
  key: string,
  options: ContextGetOptions,
  json: boolean,
) {
  const query = resolving(options.own)
  const { raw, value } = await call(api, ContextView, entryPath(options, key), { query })
  printJson(terminal, json ? raw : value.value)
  return exit.ok
}

/** Every version of an entry, newest first, with how many places of it two writers disagreed about. */
export async function showContextHistory(
  terminal: Terminal,
  api: Api,
  key: string,
  options: ContextHistoryOptions,
  json: boolean,
) {
  const { limit, cursor } = options
  const path = `${entryPath(options, key)}/history`
  const { raw, value } = await call(api, listOf(ContextVersionView), path, { query: { limit, cursor } })
  if (json) printJson(terminal, raw)
  else {
    const rows = value.items.map((item) => [
      String(item.version),
      item.created_at.slice(0, 19).replace('T', ' '),
      item.author,
      String(item.based_on),
      String(item.conflicts.length),
      item.deleted ? '(deleted)' : short(item.value),
    ])
    terminal.out(table(['VERSION', 'WRITTEN (UTC)', 'BY', 'BASED ON', 'CONFLICTS', 'VALUE'], rows))
    if (value.next_cursor) terminal.out(`more: add --cursor ${plain(value.next_cursor)}\n`)
  }
  return exit.ok
}

function short(value: unknown) {
  const text = JSON.stringify(value) ?? ''
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}

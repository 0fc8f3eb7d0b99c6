import { type Api, call, send } from '../api/client.ts'
import { BadInput, Problem } from '../api/errors.ts'
import { ContextView } from '../api/records.ts'
import { exit } from '../exit.ts'
import { printJson } from '../print.ts'
import { readText } from '../session/input.ts'
import type { Terminal } from '../terminal.ts'
import { entryPath, type PlaceOptions } from './place.ts'

export type ContextSetOptions = PlaceOptions & { text?: boolean; strategy?: string; basedOn?: number }
export type ContextDeleteOptions = PlaceOptions & { basedOn?: number }

/**
 * Writes an entry: on the version given, else on the one that it has now. `-` reads standard input.
 * @throws BadInput for what is no JSON, unless it is `text`; Problem
 */
export async function setContext(
  terminal: Terminal,
  api: Api,
  { key, value: given }: { key: string; value: string },
  options: ContextSetOptions,
  json: boolean,
) {
  const text = given === '-' ? await readText(terminal, '-') : given
  const { strategy, basedOn } = options
  const body = { value: options.text ? text : parsed(text), ...(strategy === undefined ? {} : { strategy }) }
  const path = entryPath(options, key)
  const version = basedOn ?? (await versionNow(api, path))
  const etag = version > 0 ? { if_match: version } : {}
  const { raw, value } = await call(api, ContextView, path, { method: 'PUT', body, ...etag })
  if (json) printJson(terminal, raw)
  else terminal.out(`${value.key} version ${value.version}\n`)
  return exit.ok
}

/** Deletes an entry; its history stays. */
export async function deleteContext(
  terminal: Terminal,
  api: Api,
  key: string,
  options: ContextDeleteOptions,
  json: boolean,
) {
  const { basedOn } = options
  const etag = basedOn === undefined ? {} : { if_match: basedOn }
  await send(api, entryPath(options, key), { method: 'DELETE', ...etag })
  if (json) printJson(terminal, { key, deleted: true })
  else terminal.out(`${key} deleted\n`)
  return exit.ok
}

/** 0 when there is none in this very scope. */
async function versionNow(api: Api, path: string) {
  try {
    return (await call(api, ContextView, path, { query: { resolve: 'false' } })).value.version
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return 0
    throw error
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new BadInput(`the value is no JSON: quote it ('"${text.slice(0, 40).trim()}"') or add --text`)
  }
}

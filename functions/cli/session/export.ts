import { type Api, send } from '../api/client.ts'
import { Unexpected, Unreachable } from '../api/errors.ts'
import { exit } from '../exit.ts'
import { harmless } from '../harmless.ts'
import type { Terminal } from '../terminal.ts'

/** Parts of one export at most, 4 MB each. */
const maxParts = 10_000

/** All that is stored of a session, a line of JSON each, until there is no more. */
export async function exportSession(terminal: Terminal, api: Api, id: string) {
  const path = `/sessions/${encodeURIComponent(id)}/export`
  let after: string | undefined
  for (let part = 0; part < maxParts; part++) {
    const response = await send(api, path, { query: { after }, accept: 'application/x-ndjson' })
    const text = await response.text().catch((cause) => {
      throw new Unreachable(api.base, cause)
    })
    terminal.out(terminal.tty ? harmless(text, false) : text)
    const next = /[?&]after=([\w.]+)[^>]*>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1]
    if (next === undefined) return exit.ok
    after = next
  }
  throw new Unexpected(`${path} has no end.`)
}

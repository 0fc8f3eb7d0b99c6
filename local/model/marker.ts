import * as z from 'zod'
import { type Knobs, Marker } from './step.ts'

const opening = '<<rehearsal'

export type Read = { markers: Marker[]; errors: string[]; rest: string }

/** Finds every `<<rehearsal {json} >>` of a text. `rest` is the text without them. Never throws. */
export function readMarkers(text: string): Read {
  const read: Read = { markers: [], errors: [], rest: '' }
  let at = 0
  for (;;) {
    const start = text.indexOf(opening, at)
    if (start < 0) break
    read.rest += text.slice(at, start)
    const found = bodyFrom(text, start + opening.length)
    if (typeof found === 'string') {
      read.errors.push(found)
      at = start + opening.length
      continue
    }
    at = found.end
    const verdict = understand(found.body)
    if (typeof verdict === 'string') read.errors.push(verdict)
    else read.markers.push(verdict)
  }
  read.rest += text.slice(at)
  return read
}

/** The marker's JSON ends where its first brace is closed: a command inside it may well hold `>>`. */
function bodyFrom(text: string, from: number): { body: string; end: number } | string {
  const start = from + (/^\s*/.exec(text.slice(from))?.[0].length ?? 0)
  if (text[start] !== '{') return 'after <<rehearsal a JSON object is expected'
  let depth = 0
  let quoted = false
  for (let i = start; i < text.length; i += 1) {
    const sign = text[i]
    if (quoted && sign === '\\') i += 1
    else if (sign === '"') quoted = !quoted
    else if (quoted) continue
    else if (sign === '{') depth += 1
    else if (sign === '}') depth -= 1
    if (depth > 0 || quoted) continue
    const close = /^\s*>>/.exec(text.slice(i + 1, i + 200))
    if (!close) return 'after the JSON object >> is expected'
    return { body: text.slice(start, i + 1), end: i + 1 + close[0].length }
  }
  return 'its JSON object is not closed'
}

function understand(body: string): Marker | string {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (error) {
    return error instanceof Error ? error.message : 'not JSON'
  }
  const parsed = Marker.safeParse(value)
  return parsed.success ? parsed.data : z.prettifyError(parsed.error)
}

type Sources = { goal: readonly Marker[]; own: readonly Marker[]; key: string; work: boolean }

/**
 * The knobs of one conversation: those of the goal, then the goal's for this task's key, then the task's own.
 * What stands in the goal for all is about the work: it neither replaces the Architect's script nor a merge's.
 */
export function knobsFor({ goal, own, key, work }: Sources): Knobs {
  const common = goal.map(({ tasks: _, ...knobs }) => (work ? knobs : withoutWork(knobs)))
  const keyed = (markers: readonly Marker[]) => markers.map(({ tasks }) => tasks?.[key] ?? {})
  const direct = own.map(({ tasks: _, ...knobs }) => knobs)
  const all: Knobs = {}
  for (const layer of [...common, ...keyed(goal), ...direct, ...keyed(own)]) Object.assign(all, layer)
  return all
}

function withoutWork({ steps: _s, flood: _f, refuse: _r, ask: _a, ...rest }: Knobs): Knobs {
  return rest
}

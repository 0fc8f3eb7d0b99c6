import { afterAll, expect } from 'vitest'
import { makeLineSplitter } from '#local/log-lines'
import { faultOf } from './lines.ts'

/** Prompts of the tests, which no line may tell. */
const quiet = [
  'Write CHANGELOG.md from the history.',
  'Write a CHANGELOG.md from the git history.',
  'Reach it.',
  'Take long.',
]
const mostFaults = 10
const faults: string[] = []
const mostKept = 5_000
/** The latest lines of this file's processes. */
export const heard: string[] = []

/** Takes a line that a process of the test has written; what is wrong with it fails the file in the end. */
export function hear(line: string) {
  heard.push(line)
  if (heard.length > mostKept) heard.shift()
  const fault = faultOf(line, quiet)
  if (fault && faults.length < mostFaults) faults.push(`${fault}: ${line.trim().slice(0, 600)}`)
}

/** Vitest's set-up of each file: whatever the handlers log in it is heard, and shown only when a level was asked for. */
const isOurs = (line: string) => line.startsWith('{') && line.includes('"logger":"orchestrator.')
const plain = process.stdout.write.bind(process.stdout)
const lines = makeLineSplitter((line) => isOurs(line) && hear(line))
const isShown = process.env.TEST_SHOWS_LINES === 'yes'

process.stdout.write = (chunk: Uint8Array | string, ...rest: never[]) => {
  if (typeof chunk !== 'string' || !isOurs(chunk)) return plain(chunk, ...rest)
  lines.push(chunk)
  return isShown ? plain(chunk, ...rest) : true
}

afterAll(() => expect(faults).toEqual([]))

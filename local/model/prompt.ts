import { type Read as Markers, readMarkers } from './marker.ts'

/** The first prompt of a task, or of the Architect, as our worker writes it. */
export type Brief = {
  kind: 'brief'
  key: string
  title: string
  goal: { title: string; markers: Markers }
  own: Markers
  /** The most tasks that a plan may have, where the prompt says so. */
  limit: number | undefined
  /** An earlier attempt's check failed. */
  failed: boolean
  /** What people said before it began. */
  messages: string[]
}
export type Conflict = { kind: 'conflict'; key: string; files: string[]; brief: Brief }
export type Prompt =
  | Brief
  | Conflict
  | { kind: 'repair'; text: string }
  | { kind: 'reminder' }
  | { kind: 'steering'; text: string }
  | { kind: 'synthetic' }

const goalHeading = /^# (?:Goal|The session it is part of)\s*$/
const ownHeading = /^# (?:Your task\s*$|Instruction\s*$|Task: )/
const messagesHeading = /^# Messages from the operator\s*$/
const otherHeading = /^# (?:What to do|Rules|Tasks whose work|Checks that must pass|The last attempt)/
const failedCheck =
  /\bA check of this task |\bcheck_failed\b|\bchecks? (?:has |have )?failed\b|\bfailed checks?\b/i
const asksForPlan = /^No plan was submitted/
const conflictList = /^conflicted files:[ \t]*\n((?:[ \t]*[-*] .+(?:\n|$))+)/im
// What OpenCode says for itself around a compaction.
const synthetic = [/^What did we do so far\?$/, /^Continue if you have next steps, or stop and ask/m]

/** What a user message asks for. The first one is a brief, however it is written. */
export function readPrompt(text: string, first: boolean): Prompt {
  if (synthetic.some((sentence) => sentence.test(text.trim()))) return { kind: 'synthetic' }
  const parts = sectionsOf(text)
  const files = filesIn(parts.own + parts.rest + (parts.known ? '' : parts.goal))
  if (files) return { kind: 'conflict', key: keyIn(text) ?? 'merge', files, brief: briefOf(parts) }
  if (first || (parts.known && parts.goal !== '')) return briefOf(parts)
  if (asksForPlan.test(text)) return { kind: 'reminder' }
  if (parts.messages !== '') return { kind: 'steering', text: parts.messages }
  if (failedCheck.test(text)) return { kind: 'repair', text }
  return { kind: 'steering', text }
}

type Sections = { known: boolean; goal: string; own: string; messages: string; rest: string }

/** Only the worker's own headings divide a prompt: a goal may have headings of its own. */
function sectionsOf(text: string): Sections {
  const found: Sections = { known: false, goal: '', own: '', messages: '', rest: '' }
  let into: 'goal' | 'own' | 'messages' | 'rest' = 'rest'
  for (const line of text.split('\n')) {
    const next = headingOf(line)
    if (next && into !== 'messages') {
      into = next
      found.known = true
      if (!line.startsWith('# Task: ') && next !== 'rest') continue
    }
    found[into] += `${line}\n`
  }
  if (!found.known) return { ...found, goal: text, rest: '' }
  return { ...found, messages: found.messages.trim() }
}

function headingOf(line: string) {
  if (goalHeading.test(line)) return 'goal'
  if (ownHeading.test(line)) return 'own'
  if (messagesHeading.test(line)) return 'messages'
  return otherHeading.test(line) ? 'rest' : undefined
}

function briefOf(parts: Sections): Brief {
  const goal = readMarkers(parts.goal)
  const own = readMarkers(parts.own)
  const head = parts.rest + own.rest
  const goalTitle = firstLine(goal.rest.replace(/^(?:task )?key:.*$/gim, '')) || 'the goal'
  const title = /^# Task: (.+)$/m.exec(own.rest)?.[1] ?? /^title:\s*(.+)$/im.exec(head)?.[1] ?? goalTitle
  const limit = /at most (\d+) tasks/.exec(parts.rest)?.[1]
  return {
    kind: 'brief',
    key: keyIn(head) ?? keyIn(goal.rest) ?? 'task',
    title: title.trim().slice(0, 200),
    goal: { title: goalTitle, markers: goal },
    own,
    limit: limit === undefined ? undefined : Number(limit),
    failed: failedCheck.test(parts.rest + own.rest),
    messages: parts.messages === '' ? [] : [parts.messages],
  }
}

function filesIn(text: string): string[] | undefined {
  const list = conflictList.exec(text)?.[1]
  return list
    ?.split('\n')
    .map((line) => line.replace(/^[ \t]*[-*] /, '').trim())
    .filter((file) => file !== '')
    .slice(0, 50)
}

const keyIn = (text: string) =>
  /^(?:task )?key:\s*(\S+)/im.exec(text)?.[1] ?? /\bthe task "([^"\n]+)" was merged/.exec(text)?.[1]

function firstLine(text: string) {
  const line = text.split('\n').find((candidate) => candidate.trim() !== '') ?? ''
  return line
    .replace(/^\s*#*\s*(?:title:)?\s*/i, '')
    .trim()
    .slice(0, 200)
}

import { countedTokens } from '#core/usage/usage'
import { type Api, call, send } from '../api/client.ts'
import { Unreachable } from '../api/errors.ts'
import { DiagnosisView, listOf, SessionView, TaskView } from '../api/records.ts'
import { exit } from '../exit.ts'
import { createBoard } from '../follow/board.ts'
import { outcomeLines } from '../follow/outcome.ts'
import { statusLine } from '../follow/status.ts'
import { harmless, plain } from '../harmless.ts'
import { createPaint } from '../paint.ts'
import { printJson, table } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { taskLines } from './tree.ts'

export type ListOptions = {
  state?: string
  label?: string
  priority?: string
  q?: string
  limit?: number
  cursor?: string
}

/** One page of sessions, newest first. */
export async function listSessions(terminal: Terminal, api: Api, options: ListOptions, json: boolean) {
  const { raw, value } = await call(api, listOf(SessionView), '/sessions', { query: options })
  if (json) printJson(terminal, raw)
  else if (value.items.length === 0) terminal.out('no sessions\n')
  else {
    const rows = value.items.map((session) => [
      session.id,
      session.state,
      session.priority ?? '',
      session.created_at.slice(0, 16).replace('T', ' '),
      plain(session.title).slice(0, 80),
    ])
    terminal.out(table(['ID', 'STATE', 'PRIORITY', 'CREATED (UTC)', 'TITLE'], rows))
    if (value.next_cursor) terminal.out(`more: add --cursor ${plain(value.next_cursor)}\n`)
  }
  return exit.ok
}

/** A session, how it stands or ended, and the tree of its tasks. */
export async function showSession(terminal: Terminal, api: Api, id: string, json: boolean) {
  const path = `/sessions/${encodeURIComponent(id)}`
  const session = await call(api, SessionView, path)
  const tasks = await call(api, listOf(TaskView), `${path}/tasks`)
  const diagnosis = session.value.ended_at ? null : await call(api, DiagnosisView, `${path}/diagnosis`)
  if (json) {
    printJson(terminal, { session: session.raw, tasks: tasks.raw, diagnosis: diagnosis?.raw ?? null })
    return exit.ok
  }
  const paint = createPaint(terminal.colour)
  const { title, repository, priority, labels, usage, ended_at, history_until, parent } = session.value
  const board = createBoard()
  board.know(tasks.value.items)
  const now = terminal.now()
  const waiting = diagnosis?.value.waiting
  const from = repository ? [`  repository ${repository.url} ${repository.base ?? ''}`] : []
  const marks = [priority ?? '', ...labels].filter(Boolean).join(' ')
  const tokens = `${countedTokens(usage)} counted, ${usage.cache_read_tokens} read from cache`
  const status = statusLine(session.value, board, null, now)
  const lines = [
    `${paint.bold(plain(title))} ${session.value.id}`,
    `  ${plain(status)}`,
    ...(waiting && !status.includes(plain(waiting.sentence))
      ? [`  ${plain(waiting.sentence)} (${plain(waiting.owner)})`]
      : []),
    ...(parent ? [`  forked from ${parent.session_id} at checkpoint ${parent.checkpoint}`] : []),
    ...from.map((line) => `  ${plain(line)}`),
    ...(marks ? [`  ${plain(marks)}`] : []),
    `  tokens ${tokens}`,
    ...(history_until ? [`  history kept until ${plain(history_until.slice(0, 10))} (UTC)`] : []),
    ...(tasks.value.items.length > 0 ? ['', ...taskLines(tasks.value.items, paint)] : []),
    ...(tasks.value.next_cursor ? ['  …'] : []),
    ...(ended_at ? ['', ...outcomeLines(session.value, paint, now)] : []),
  ]
  terminal.out(lines.map((line) => `${line}\n`).join(''))
  return exit.ok
}

/** The unified patch: byte for byte into a pipe, coloured and made harmless on a terminal. */
export async function showDiff(terminal: Terminal, api: Api, id: string, json: boolean) {
  const path = `/sessions/${encodeURIComponent(id)}/diff`
  const response = await send(api, path, { accept: 'text/x-diff, text/plain;q=0.9' })
  const patch = await response.text().catch((cause) => {
    throw new Unreachable(api.base, cause)
  })
  if (json) printJson(terminal, { diff: patch })
  else if (!terminal.tty) terminal.out(patch)
  else terminal.out(paintedPatch(patch, terminal.colour))
  return exit.ok
}

function paintedPatch(patch: string, colour: boolean) {
  const paint = createPaint(colour)
  const lines = patch.replace(/\n$/, '').split('\n')
  const painted = lines.map((line) => {
    const text = harmless(line, false)
    if (/^(diff |index |--- |\+\+\+ )/.test(text)) return paint.bold(text)
    if (text.startsWith('@@')) return paint.cyan(text)
    if (text.startsWith('+')) return paint.green(text)
    return text.startsWith('-') ? paint.red(text) : text
  })
  return patch ? `${painted.join('\n')}\n` : 'no changes\n'
}

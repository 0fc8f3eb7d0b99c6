import { type LiveTiming, liveTiming } from '#core/live/client/inputs'
import { isTerminal } from '#core/session/states'
import { type Api, addressOf, call } from '../api/client.ts'
import { Problem } from '../api/errors.ts'
import { listOf, SessionView, TaskView } from '../api/records.ts'
import { exit } from '../exit.ts'
import { plain } from '../harmless.ts'
import { createPaint } from '../paint.ts'
import type { Terminal } from '../terminal.ts'
import { createBoard } from './board.ts'
import { followLive, type LiveSignal, liveInputs } from './live.ts'
import { outcomeLines } from './outcome.ts'
import { createRenderer } from './render.ts'
import { createScreen } from './screen.ts'
import { type Link, statusLine, waitsFor } from './status.ts'
import { type StreamTiming, streamTiming } from './stream.ts'

export type FollowTiming = StreamTiming & {
  /** The session itself is read at most once in this time while its log is silent. */
  poll_ms: number
  live: LiveTiming
}
export const followTiming: FollowTiming = {
  ...streamTiming,
  poll_ms: 2_000,
  // A socket that is away for longer is not waited for: the same events are read in short answers.
  live: { ...liveTiming, offline: 3_000 },
}

export type FollowOptions = { json: boolean; after: number; timing: FollowTiming }

const sessionEnds = ['session.completed', 'session.failed', 'session.stopped']

/**
 * Shows a session live until it has ended and its whole log was shown.
 * @returns the exit code: 0 completed, 1 failed or stopped, 130 interrupted (the session goes on)
 * @throws Problem for an unknown session, Unreachable when the API is away at the start or for too long
 */
export async function follow(terminal: Terminal, api: Api, id: string, options: FollowOptions) {
  const { timing } = options
  const path = `/sessions/${encodeURIComponent(id)}`
  const paint = createPaint(terminal.colour)
  const screen = createScreen(terminal)
  const board = createBoard()
  const render = createRenderer(board, terminal.colour)
  const ended = new AbortController()
  const signal = AbortSignal.any([terminal.interrupted, ended.signal])
  let session = (await call(api, SessionView, path)).value
  let last = options.after
  let link: Link = { state: 'connecting' }
  let lost = false
  let said = { text: '', since: 0, told: false }
  let labelled = session.rehearsal === true
  let polled = terminal.now()
  let heard = terminal.now()
  let refreshing: Promise<void> | undefined

  const isOver = () => isTerminal(session.state) && last >= session.last_seq

  /** Reads the session; an API that is away is the stream's to report, one that refuses is the end. */
  function refresh() {
    polled = terminal.now()
    refreshing ??= call(api, SessionView, path)
      .then(({ value }) => {
        session = value
        if (isOver()) ended.abort()
      })
      .catch((error) => {
        if (error instanceof Problem && !error.passing) throw error
      })
      .finally(() => {
        refreshing = undefined
      })
    return refreshing
  }

  function draw() {
    if (options.json) return
    const waits = waitsFor(session, board) ?? ''
    if (waits !== said.text) said = { text: waits, since: terminal.now(), told: false }
    // Without a status line, a wait that lasts is said once, as a line of the log.
    if (!terminal.tty && waits && !said.told && terminal.now() - said.since >= timing.poll_ms) {
      screen.print([paint.dim(`… ${waits}`)])
      said.told = true
    }
    if (session.rehearsal && !labelled) screen.print([paint.yellow(rehearsalSentence)])
    labelled ||= session.rehearsal === true
    screen.status(statusLine(session, board, link, terminal.now()))
  }

  function tick() {
    const now = terminal.now()
    const due = now - heard >= timing.poll_ms ? timing.poll_ms : 5 * timing.poll_ms
    // What it throws, the stream meets too and reports.
    if (now - polled >= due) refresh().catch(() => {})
    draw()
  }

  function show(next: LiveSignal) {
    if (next.kind === 'link') return turnTo(next.link)
    if (next.kind !== 'event') return
    heard = terminal.now()
    last = next.event.seq
    board.note(next.event)
    if (options.json) terminal.out(`${next.raw}\n`)
    else screen.print(render(next.event))
  }

  function turnTo(next: Link) {
    link = next
    const away = link.state === 'away'
    if (link.state === 'away' && !lost) tell(`reconnecting: ${plain(link.reason)}`)
    else if (!away && lost) tell('connected again')
    lost = away
  }

  function tell(text: string) {
    if (options.json) terminal.err(`${text}\n`)
    else screen.print([paint.yellow(`… ${text}`)])
  }

  if (!options.json) screen.print([headline(session, paint.bold)])
  if (options.after > 0) {
    const { value } = await call(api, listOf(TaskView), `${path}/tasks`)
    board.know(value.items)
  }
  draw()
  const timer = setInterval(tick, Math.min(1_000, timing.poll_ms))
  try {
    if (isOver()) ended.abort()
    const url = addressOf(api, `${path}/events`)
    const live = liveInputs(api, timing.live)
    const reading = { url, key: api.key, after: last, signal, timing, random: Math.random, now: terminal.now }
    const stream = followLive({ ...reading, session: session.id, live })
    for await (const next of stream) {
      show(next)
      if (next.kind === 'event' && sessionEnds.includes(next.event.type)) await refresh()
      else if (next.kind === 'answered' && isTerminal(session.state)) await refresh()
      if (isOver()) break
      if (next.kind !== 'event') draw()
      await terminal.drained()
    }
  } finally {
    clearInterval(timer)
    screen.end()
  }
  if (!isOver()) return interrupted(terminal, id)
  if (!options.json) screen.print(outcomeLines(session, paint, terminal.now()))
  return session.state === 'COMPLETED' ? exit.ok : exit.failed
}

const rehearsalSentence = '… this is a rehearsal: the model is a script'

function headline({ id, title, rehearsal }: SessionView, bold: (text: string) => string) {
  return `${bold(plain(title))} ${id}${rehearsal ? ' (rehearsal: a scripted model)' : ''}`
}

function interrupted(terminal: Terminal, id: string) {
  terminal.err(`The session goes on. Follow it again: npx orchestrator session follow ${id}\n`)
  terminal.err(`Stop it: npx orchestrator session stop ${id}\n`)
  return exit.interrupted
}

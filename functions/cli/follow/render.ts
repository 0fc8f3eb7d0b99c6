import type { EventView } from '../api/records.ts'
import { harmless, plain } from '../harmless.ts'
import { createPaint, type Paint } from '../paint.ts'
import type { Board } from './board.ts'
import { createJoiner, type LogPiece } from './join.ts'

/** Width of the column of task keys. */
const keyWidth = 16

/**
 * Draws events as lines: time, task, and what happened. Long texts that come in parts are joined.
 * @returns a function that gives the lines of one event; none when it changes nothing that is shown
 */
export function createRenderer(board: Board, colour: boolean) {
  const paint = createPaint(colour)
  const join = createJoiner()
  return (event: EventView): string[] => {
    const body = event.type === 'log' ? logLines(join(event), paint, colour) : stateLines(event, paint)
    const key = plain(event.task_id ? board.keyOf(event.task_id) : '')
    const label = key.length > keyWidth ? `${key.slice(0, keyWidth - 1)}…` : key.padEnd(keyWidth)
    return body.map((line) => `${paint.dim(clock(event.at))} ${paint.blue(label)} ${line}`)
  }
}

/** Local time of day, HH:MM:SS. */
function clock(at: string) {
  const time = new Date(at)
  if (Number.isNaN(time.getTime())) return '--:--:--'
  return [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((n) => String(n).padStart(2, '0'))
    .join(':')
}

function logLines({ stream, lines, tool, status, first }: LogPiece, paint: Paint, colour: boolean) {
  const shown = harmless(lines.join('\n'), colour).split('\n').map(closeColours)
  const text = lines.length > 0 ? shown : []
  if (stream === 'thought') return text.map((line) => paint.dim(line))
  if (stream === 'tool') return toolLines(text, { tool, status, first }, paint)
  if (stream === 'stdout') return text.map((line) => `${paint.dim('│')} ${line}`)
  if (stream === 'stderr') return text.map((line) => `${paint.red('│')} ${line}`)
  if (stream === 'system') return text.map((line) => paint.yellow(line))
  return text
}

function toolLines(
  text: string[],
  { tool, status, first }: Omit<LogPiece, 'lines' | 'stream'>,
  paint: Paint,
) {
  if (!first) return text.map((line) => `  ${line}`)
  const [head = '', ...rest] = text
  const colour = status === 'error' ? paint.red : paint.cyan
  const mark = status === 'completed' ? paint.green(' ✓') : status === 'error' ? paint.red(' ✗') : ''
  const heading = `${colour(`▸ ${plain(tool ?? 'tool')}`)}${mark} ${head}`.trimEnd()
  return [heading, ...rest.map((line) => `  ${line}`)]
}

/** A colour that a log forgot to end must not run into our own lines. */
function closeColours(line: string) {
  return line.includes('\x1b[') ? `${line}\x1b[0m` : line
}

function stateLines({ type, data }: EventView, paint: Paint): string[] {
  const [noun = '', what = ''] = type.split('.')
  const words = what.replaceAll('_', ' ')
  if (type === 'usage.reported') return []
  if (type === 'checkpoint.created') {
    if (data.trigger === 'TRANSITION') return []
    return [paint.dim(`checkpoint ${text(data.number)} ${text(data.trigger)}`.trim())]
  }
  if (type === 'message.sent') return [`${paint.magenta('message')} ${text(data.text)}`]
  if (type === 'approval.requested') return askedLines(data, paint)
  const colour = colourOf(what, paint)
  if (noun === 'session') return [`${paint.bold(colour(`● session ${words}`))}${detail(data)}`]
  if (type === 'task.created')
    return [`${paint.dim('+')} ${text(data.title)} ${paint.dim(text(data.capability))}`]
  if (noun === 'task') return [`${colour(`◆ ${words}`)}${detail(data)}`]
  return [`${colour(`◇ ${plain(type)}`)}${detail(data)}`]
}

/** What is asked, and the command that answers it. */
function askedLines(data: EventView['data'], paint: Paint) {
  const answer = data.kind === 'QUESTION' ? 'reply --text "…"' : 'allow_once'
  return [
    `${paint.magenta('? asked')} ${text(data.sentence)} ${paint.dim(`until ${text(data.deadline)}`)}`,
    `  npx orchestrator approval answer ${text(data.approval_id)} ${answer}`,
  ]
}

function colourOf(what: string, paint: Paint) {
  if (['completed', 'accepted'].includes(what)) return paint.green
  if (['failed', 'lost', 'rejected', 'cancelled'].includes(what)) return paint.red
  if (['pausing', 'paused', 'stopping', 'stopped', 'released', 'awaiting_input'].includes(what))
    return paint.yellow
  return paint.cyan
}

function text(value: unknown) {
  return typeof value === 'string' || typeof value === 'number' ? plain(String(value)) : ''
}

/** What an event says of itself in words, and the attempt that it is about. */
function detail(data: EventView['data']) {
  const code = text(data.code)
  const why = ['message', 'sentence', 'cause', 'reason'].map((name) => text(data[name])).find(Boolean)
  const attempt = typeof data.attempt === 'number' && data.attempt > 1 ? `attempt ${data.attempt}` : ''
  const agent = text(data.agent)
  const branch = text(data.branch)
  const parts = [agent && `to ${agent}`, attempt, branch, code, why ?? text(data.summary)].filter(Boolean)
  return parts.length > 0 ? ` ${parts.join(' · ')}` : ''
}

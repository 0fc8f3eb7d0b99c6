import * as z from 'zod'
import type { Decision } from '#core/approval/approval'
import { decisionOf } from '#core/approval/decision'
import { reasonOf } from '../../log.ts'
import { type Decide, noteOf, type Request } from '../permission.ts'
import type { OpencodeApi } from './api.ts'
import { PermissionRequest, QuestionRequest } from './wire.ts'

/** More, or longer, than this is not cut: what was cut off would be decided unseen. */
const most = { patterns: 100, length: 8_000 }

/** An ask of OpenCode, of its own session or of a subagent's; undefined when it is none that we understand. */
export function requestOf(type: string, data: unknown): Request | undefined {
  if (type === 'permission.asked') {
    const found = PermissionRequest.safeParse(data).data
    if (!found) return undefined
    const { id, permission, patterns, always, metadata } = found
    const { command, diff } = metadata
    const asked = {
      tool: storable(permission, 200),
      patterns: patterns.slice(0, most.patterns + 1).map((one) => storable(one, most.length + 1)),
      always: always.slice(0, most.patterns).map((one) => storable(one, most.length)),
      command: command === undefined ? null : storable(command, 20_000),
      diff: diff === undefined ? null : storable(diff, 100_000),
    }
    return { kind: 'PERMISSION', id, asked }
  }
  const found = QuestionRequest.safeParse(data).data
  if (!found) return undefined
  const questions = found.questions.slice(0, 20).map(({ question, header, options, multiple }) => ({
    question: storable(question, 4_000) || '?',
    header: storable(header, 200),
    options: options.slice(0, 50).map(({ label, description }) => ({
      label: storable(label, 1_000) || '?',
      description: storable(description, 4_000),
    })),
    multiple,
  }))
  return { kind: 'QUESTION', id: found.id, asked: { questions } }
}

/**
 * Waits for the decision and hands it to OpenCode. Returns what to say about it. What cannot be asked is refused,
 * so that the turn does not stand still; throws only when the attempt is ending.
 */
export async function answerRequest(
  api: OpencodeApi,
  request: Request,
  { decide, signal }: { decide: Decide; signal: AbortSignal },
) {
  const refuse = (text: string): Decision => decisionOf(request, { answer: 'deny', text }, 'The orchestrator')
  const decision = isTooMuch(request)
    ? refuse('It is too much to be asked about at once: do it in smaller parts.')
    : await decide(request).catch((error) => {
        signal.throwIfAborted()
        return refuse(`It could not be asked: ${reasonOf(error).slice(0, 500)}`)
      })
  const { reply, message, answers } = decision
  const noun = request.kind === 'PERMISSION' ? 'permission' : 'question'
  // Never "always": that would hold for all sessions of the server. A rejection without words ends the turn.
  const body =
    request.kind === 'QUESTION'
      ? { answers }
      : reply === 'once'
        ? { reply }
        : { reply: 'reject', message: message || 'The operator denied this.' }
  // A request that is gone by now needs no answer.
  await api.post(`/${noun}/${request.id}/reply`, body).catch(() => undefined)
  return noteOf(request, decision)
}

function isTooMuch(request: Request) {
  if (request.kind === 'QUESTION') return false
  const { patterns } = request.asked
  return patterns.length > most.patterns || patterns.some(({ length }) => length > most.length)
}

/** What is still waiting for an answer, subagents' asks included. */
export async function openRequests(api: OpencodeApi) {
  const [permissions, questions] = await Promise.all([api.get('/permission'), api.get('/question')])
  const list = z.array(z.unknown()).catch([])
  return [
    ...list.parse(permissions).map((data) => ({ type: 'permission.asked', data })),
    ...list.parse(questions).map((data) => ({ type: 'question.asked', data })),
  ]
}

/** Well-formed, without NUL, and at most so long: what the control plane takes. */
function storable(text: string, most: number) {
  return text.slice(0, most).toWellFormed().replaceAll('\0', '�')
}

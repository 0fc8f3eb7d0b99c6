import * as z from 'zod'
import { decide, type Request } from '../permission.ts'
import type { OpencodeApi } from './api.ts'
import { PermissionRequest, QuestionRequest } from './wire.ts'

/**
 * Answers one request of OpenCode by our policy. `answered` keeps a request from being answered twice, since
 * it is both announced live and found by polling. Returns what to say about it, if anything.
 */
export async function answerRequest(api: OpencodeApi, type: string, data: unknown, answered: Set<string>) {
  const request = requestOf(type, data)
  if (!request || answered.has(request.id)) return undefined
  answered.add(request.id)
  const decision = await decide(request)
  const path =
    decision.kind === 'PERMISSION' ? `/permission/${request.id}/reply` : `/question/${request.id}/reply`
  const body = decision.kind === 'PERMISSION' ? { reply: decision.reply } : { answers: decision.answers }
  // A request that is gone by now needs no answer.
  await api.post(path, body).catch(() => undefined)
  return decision.note
}

/** What is still waiting for an answer. */
export async function openRequests(api: OpencodeApi) {
  const [permissions, questions] = await Promise.all([api.get('/permission'), api.get('/question')])
  const list = z.array(z.unknown()).catch([])
  return [
    ...list.parse(permissions).map((data) => ({ type: 'permission.asked', data })),
    ...list.parse(questions).map((data) => ({ type: 'question.asked', data })),
  ]
}

function requestOf(type: string, data: unknown): Request | undefined {
  if (type === 'permission.asked') {
    const found = PermissionRequest.safeParse(data).data
    return found && { kind: 'PERMISSION', ...found }
  }
  const found = QuestionRequest.safeParse(data).data
  if (!found) return undefined
  const questions = found.questions.map(({ question, options }) => ({
    question,
    options: options.map(({ label }) => label),
  }))
  return { kind: 'QUESTION', id: found.id, questions }
}

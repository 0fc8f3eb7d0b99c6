import { type Answer, answerKinds } from '#core/approval/approval'
import { type Api, call } from '../api/client.ts'
import { BadInput } from '../api/errors.ts'
import { ApprovalView } from '../api/records.ts'
import { exit } from '../exit.ts'
import { printJson } from '../print.ts'
import type { Terminal } from '../terminal.ts'

export type ApprovalAnswerOptions = { text?: string; choose?: string[] }

/** Answers an approval; `choose` holds one label for each question, in their order. @throws BadInput, Problem */
export async function answerApproval(
  terminal: Terminal,
  api: Api,
  given: { id: string; answer: string; options: ApprovalAnswerOptions },
  json: boolean,
) {
  const { id, options } = given
  const answer = answerKinds.find((kind) => kind === given.answer.toLowerCase())
  if (!answer) throw new BadInput(`an answer is one of ${answerKinds.join(', ')}`)
  const body: Answer = {
    answer,
    ...(options.text === undefined ? {} : { text: options.text }),
    ...(options.choose === undefined ? {} : { answers: options.choose.map((label) => [label]) }),
  }
  const path = `/approvals/${encodeURIComponent(id)}`
  const { raw, value } = await call(api, ApprovalView, path, { method: 'POST', body })
  if (json) printJson(terminal, raw)
  else terminal.out(`${value.id} ${value.state} ${answer}\n`)
  return exit.ok
}

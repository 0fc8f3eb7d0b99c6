import { isDeepStrictEqual } from 'node:util'
import type { Actor } from '#core/actor'
import { change } from '#core/change/change'
import { type Draft, moveApproval, note, setSession } from '#core/change/draft'
import { type FieldError, OrchestratorError } from '#core/error'
import type { Services } from '#core/services'
import type { Answer, Approval } from './approval.ts'
import { askedSentence } from './ask.ts'
import { allowCovered, deliver } from './close.ts'
import { decisionOf } from './decision.ts'
import { withGrant } from './policy.ts'
import { readApproval } from './read.ts'

/**
 * Answers what an agent asked; its task goes on when nothing else of it is open. `allow_always` also answers what
 * is open of the session and covered by it. The same answer again is fine.
 * @throws not_found; invalid_input for an answer that does not fit; illegal_transition when it is closed otherwise
 */
export async function answerApproval(services: Services, actor: Actor, id: string, answer: Answer) {
  const first = await readApproval(services, actor, id)
  const { session_id, task_id } = first
  assertFits(first, answer)
  let stored = first.state
  let given = first.answer
  await change(
    services,
    `approval ${id}`,
    async () => {
      // What is allowed for good may let others of the session's tasks go on.
      const known =
        answer.answer === 'allow_always'
          ? await services.load.session(actor.tenant_id, session_id)
          : await services.load.task(actor.tenant_id, task_id)
      const now = await readApproval(services, actor, id)
      stored = now.state
      given = now.answer
      return known
    },
    (draft) => {
      const approval = draft.approvals.get(id)
      if (approval?.state === 'OPEN') return decideAnswer(draft, approval, answer)
      if (stored === 'ANSWERED' && isDeepStrictEqual(given, answer)) return
      throw closed(id, stored)
    },
  )
  return readApproval(services, actor, id)
}

function decideAnswer(draft: Draft, approval: Approval, answer: Answer) {
  moveApproval(draft, approval.id, 'answer', { answer, answered_by: 'operator' })
  if (answer.answer === 'allow_always')
    setSession(draft, { approval_policy: withGrant(draft.session.approval_policy, approval) })
  const said = answer.answers?.map((labels) => labels.join(', ')).join('; ') ?? answer.text ?? ''
  const sentence = `${answer.answer}${said ? `: ${said.slice(0, 500)}` : ''} (${askedSentence(approval)})`
  note(
    draft,
    'approval.answered',
    { approval_id: approval.id, answer: answer.answer, by: 'operator', sentence },
    draft.tasks.get(approval.task_id),
  )
  deliver(draft, approval, decisionOf(approval, answer))
  if (answer.answer === 'allow_always') allowCovered(draft, `the answer to ${approval.id}`)
}

function closed(id: string, state: string) {
  const how = state === 'ANSWERED' ? 'answered otherwise' : state.toLowerCase()
  return new OrchestratorError('illegal_transition', `Approval ${id} is ${how} already; nothing changed.`, {
    details: { state, action: 'answer', legal_actions: [] },
  })
}

function assertFits(approval: Approval, { answer, text, answers }: Answer) {
  const errors: FieldError[] = []
  if (approval.kind === 'QUESTION') {
    const { questions } = approval.asked
    if (answer === 'allow_once' || answer === 'allow_always')
      errors.push({ pointer: '/answer', message: 'must be reply or deny: it is a question' })
    if (answer === 'reply' && (text === undefined) === (answers === undefined))
      errors.push({
        pointer: '/answers',
        message: 'give either answers, one list for each question, or text',
      })
    if (answers && answers.length !== questions.length)
      errors.push({
        pointer: '/answers',
        message: `must have one list for each of ${questions.length} question(s)`,
      })
    for (const [i, { multiple }] of questions.entries()) {
      if (!multiple && (answers?.[i]?.length ?? 1) !== 1)
        errors.push({ pointer: `/answers/${i}`, message: 'must hold one answer' })
    }
  } else {
    if (answers)
      errors.push({ pointer: '/answers', message: 'belong to a question; this asks for permission' })
    if (answer === 'reply' && text === undefined)
      errors.push({ pointer: '/text', message: 'must say what the agent should do instead' })
  }
  if (errors.length > 0)
    throw new OrchestratorError('invalid_input', 'The answer does not fit what is asked.', { errors })
}

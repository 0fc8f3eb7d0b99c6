import * as z from 'zod'
import { Answer, ApprovalAnswer, NewApproval } from '#core/approval/approval'
import { AskedPermission, AskedQuestion, approvalKinds } from '#core/approval/ask'
import { ApprovalDefault } from '#core/approval/policy'
import { approvalStates } from '#core/approval/states'
import { answer, body } from '../document.ts'
import { cursor, time } from './parts.ts'

body('NewApproval', NewApproval)
body('Answer', Answer)

const approvalFields = {
  id: z.string(),
  session_id: z.string(),
  task_id: z.string(),
  attempt: z.int(),
  agent_id: z.string(),
  state: z.enum(approvalStates),
  deadline: time,
  default: ApprovalDefault,
  answer: z.object(Answer.shape).nullable(),
  answered_by: z.enum(['operator', 'timeout']).nullable(),
  created_at: time,
  closed_at: time.nullable(),
}

const [permission, question] = approvalKinds

export const Approval = answer(
  'Approval',
  z.discriminatedUnion('kind', [
    z.object({ ...approvalFields, kind: z.literal(permission), asked: AskedPermission }),
    z.object({ ...approvalFields, kind: z.literal(question), asked: AskedQuestion }),
  ]),
)

export const ApprovalList = answer(
  'ApprovalList',
  z.object({ items: z.array(Approval), next_cursor: cursor }),
)

export const ApprovalAnswerView = answer('ApprovalAnswer', ApprovalAnswer)

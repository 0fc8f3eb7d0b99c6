import * as z from 'zod'
import { answerApproval } from '#core/approval/answer'
import { Answer, NewApproval, type Approval as Stored } from '#core/approval/approval'
import { listApprovals, readApproval } from '#core/approval/read'
import { requestApproval } from '#core/approval/request'
import { approvalStates } from '#core/approval/states'
import { idOf } from '#core/id'
import { workerOf } from '../auth.ts'
import { commaList, decodeCursor, encodeCursor, listQuery } from '../cursor.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { Approval, ApprovalAnswerView, ApprovalList } from '../schemas/approval.ts'

const base = '/api/v1/approvals'
const common = { ...nothing, tag: 'approvals', params: { id: 'approval' } } as const

const view = ({ tenant_id: _tenant, engine_ref: _ref, ...approval }: Stored) => approval

/** What agents ask of people: a worker asks, people list, read and answer. */
export function approvalRoutes(api: Api) {
  endpoint(api, {
    ...nothing,
    name: 'list_approvals',
    scope: 'sessions:read',
    method: 'get',
    path: base,
    tag: 'approvals',
    summary: 'List what agents ask, newest first; `state=OPEN` is what waits for an answer',
    query: z.strictObject({
      state: commaList(approvalStates),
      session_id: idOf('session').optional(),
      ...listQuery,
    }),
    answer: ApprovalList,
    async run({ services, actor, query: { state, session_id, limit, cursor } }) {
      const before = decodeCursor('approvals', cursor)
      const filter = { states: state ?? null, session_id: session_id ?? null, limit, before }
      const { items, next_cursor } = await listApprovals(services, actor, filter)
      return { items: items.map(view), next_cursor: encodeCursor('approvals', next_cursor) }
    },
  })
  endpoint(api, {
    ...common,
    name: 'read_approval',
    scope: 'sessions:read',
    method: 'get',
    path: `${base}/{id}`,
    summary: 'Read what is asked, by whom, until when, and what was answered',
    answer: Approval,
    run: async ({ services, actor, param }) => view(await readApproval(services, actor, param('id'))),
  })
  endpoint(api, {
    ...common,
    name: 'answer_approval',
    scope: 'sessions:write',
    method: 'post',
    path: `${base}/{id}`,
    summary: 'Answer it; the same answer again is fine, another one is refused',
    body: Answer,
    answer: Approval,
    run: async ({ services, actor, param, body }) =>
      view(await answerApproval(services, actor, param('id'), body)),
  })
  endpoint(api, {
    ...nothing,
    name: 'request_approval',
    scope: 'worker',
    method: 'post',
    path: '/api/v1/tasks/{id}/approvals',
    tag: 'workers',
    params: { id: 'task' },
    summary:
      'Ask what the engine asks: decided by the policy, or OPEN until a person answers; safe to repeat',
    body: NewApproval,
    answer: ApprovalAnswerView,
    run: ({ services, caller, param, body }) =>
      requestApproval(services, workerOf(caller), param('id'), body),
  })
}

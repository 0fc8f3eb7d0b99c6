import * as z from 'zod'
import { agentStates } from '#core/agent/states'
import { Engine, Heartbeat, HeartbeatAnswer, InboxItem, Register } from '#core/agent/wire'
import { Answer, ApprovalAnswer, NewApproval } from '#core/approval/approval'
import { AskedPermission, AskedQuestion, approvalKinds } from '#core/approval/ask'
import { ApprovalDefault, ApprovalPolicy } from '#core/approval/policy'
import { approvalStates } from '#core/approval/states'
import { AuditEntry } from '#core/audit/entry'
import { ContextPut, ContextStrategy, contextScopes } from '#core/context/entry'
import { JsonValue } from '#core/context/json'
import { DeadLetter as DeadLetterView } from '#core/dead-letter/dead-letter'
import { owners, partKinds } from '#core/diagnosis/facts'
import { eventTypes } from '#core/event/event'
import { CapabilityLoad } from '#core/fleet/capabilities'
import { History } from '#core/fleet/history'
import { Need } from '#core/fleet/needs'
import { Queues } from '#core/fleet/queues'
import { Stats } from '#core/fleet/wire'
import { NewKey } from '#core/key/key'
import { scopes } from '#core/key/scope'
import { Check, Plan } from '#core/plan/plan'
import { priorities } from '#core/priority'
import { SessionChange } from '#core/session/changes'
import { SessionCounts } from '#core/session/count'
import { Fork, failureCodes, NewSession, Repository, SessionPatch } from '#core/session/session'
import { type SessionAction, sessionStates, transitions } from '#core/session/states'
import { taskStates } from '#core/task/states'
import { taskKinds } from '#core/task/task'
import { TaskTree as RootTree } from '#core/task/trees'
import {
  Assignment,
  CheckResult,
  Claim,
  Complete,
  checkpointTriggers,
  Decline,
  DiffStat,
  EventBatch,
  EventBatchAnswer,
  Fail,
  NewArtifact,
  NewSubtasks,
  Release,
  SubtasksAnswer,
  WorkCheckpoint,
} from '#core/task/wire'
import { TenantPatch, Tenant as TenantView } from '#core/tenant/tenant'
import { Budget } from '#core/usage/budget'
import { Usage } from '#core/usage/usage'
import { deliveryStates } from '#core/webhook/delivery'
import { NewWebhook, Rotation, WebhookPatch, webhookEventTypes, webhookStates } from '#core/webhook/webhook'
import { answer, body } from './document.ts'

/** What requests hold: the very schemas that the domain validates with, named for the document. */
body('NewSession', NewSession)
body('SessionPatch', SessionPatch)
body('Fork', Fork)
body('TenantPatch', TenantPatch)
body('Plan', Plan)
body('Register', Register)
body('Heartbeat', Heartbeat)
body('Claim', Claim)
body('Decline', Decline)
body('EventBatch', EventBatch)
body('WorkCheckpoint', WorkCheckpoint)
body('Complete', Complete)
body('Fail', Fail)
body('Release', Release)
body('NewArtifact', NewArtifact)
body('NewSubtasks', NewSubtasks)
body('ContextPut', ContextPut)
export const ContextPatch = body(
  'ContextPatch',
  JsonValue.meta({ description: 'A JSON merge patch (RFC 7396).' }),
)
body('NewApproval', NewApproval)
body('NewKey', NewKey)
body('NewWebhook', NewWebhook)
body('WebhookPatch', WebhookPatch)
body('Rotation', Rotation)
body('Answer', Answer)

export const NewMessage = body('NewMessage', z.strictObject({ text: z.string().min(1).max(20_000) }))

/** What answers hold. */
const time = z.string().meta({ format: 'date-time' })
const cursor = z.string().nullable()
const Waiting = z.object({ reason: z.string(), sentence: z.string(), since: time, until: time.nullable() })

export const Problem = answer(
  'Problem',
  z.looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string(),
    retryable: z.boolean(),
    request_id: z.string(),
    errors: z.array(z.object({ pointer: z.string(), message: z.string() })),
  }),
)

const UsageView = answer('Usage', z.object(Usage.shape))
/** Of a session's budget: what tasks that run may spend before they report again. */
const Reserved = z.object({ tokens: z.number(), cost_usd: z.number() })
const PlanView = answer('PlanView', z.object(Plan.shape))
const RepositoryView = z.object(Repository.shape)

const actions = Object.keys(transitions).filter((name): name is SessionAction => name in transitions)

export const Session = answer(
  'Session',
  z.object({
    id: z.string(),
    title: z.string(),
    prompt: z.string(),
    priority: z.enum(priorities),
    repository: RepositoryView.nullable(),
    base_commit: z.string().nullable(),
    base_artifact_id: z.string().nullable(),
    plan: PlanView.nullable(),
    budget: z.object(Budget.shape),
    labels: z.array(z.string()),
    approval_policy: z.object({
      ...ApprovalPolicy.shape,
      grants: z.array(z.object({ tool: z.string(), pattern: z.string(), literal: z.boolean() })),
    }),
    state: z.enum(sessionStates),
    waiting: Waiting.nullable(),
    wake_at: time.nullable(),
    settle_by: time.nullable(),
    version: z.int(),
    last_seq: z.int(),
    checkpoint_number: z.int(),
    rehearsal: z.boolean().nullable(),
    usage: UsageView,
    reserved: Reserved,
    attempts_finished: z.int(),
    attempts_succeeded: z.int(),
    success_rate: z.number().nullable(),
    result: z
      .object({
        summary: z.string(),
        branch: z.string().nullable(),
        commit: z.string().nullable(),
        diff: z.object(DiffStat.shape).nullable(),
        push_reason: z.string().nullable(),
        artifact_id: z.string().nullable(),
        patch_artifact_id: z.string().nullable(),
      })
      .nullable(),
    failure: z
      .object({ code: z.enum(failureCodes), message: z.string(), task_id: z.string().nullable() })
      .nullable(),
    tasks: z.object({ total: z.int(), completed: z.int(), running: z.int(), failed: z.int() }),
    actions: z.array(z.enum(actions)),
    queue_position: z.int().nullable(),
    parent: z.object({ session_id: z.string(), checkpoint: z.int() }).nullable(),
    created_at: time,
    updated_at: time,
    queued_at: time.nullable(),
    started_at: time.nullable(),
    ended_at: time.nullable(),
  }),
)
answer('SessionCounts', SessionCounts)
export const SessionList = answer('SessionList', z.object({ items: z.array(Session), next_cursor: cursor }))

export const Diagnosis = answer(
  'Diagnosis',
  z.object({
    session_id: z.string(),
    state: z.enum(sessionStates),
    waiting: z
      .object({
        ...Waiting.shape,
        owner: z.enum(owners),
        moves: z.array(z.string()),
        path: z.array(z.looseObject({ kind: z.enum(partKinds), id: z.string(), state: z.string() })),
      })
      .nullable(),
    ended: z
      .object({ at: time, code: z.string(), sentence: z.string(), task_id: z.string().nullable() })
      .nullable(),
  }),
)

export const Task = answer(
  'Task',
  z.object({
    id: z.string(),
    session_id: z.string(),
    parent_id: z.string().nullable(),
    key: z.string(),
    kind: z.enum(taskKinds),
    title: z.string(),
    instruction: z.string(),
    capability: z.string(),
    depends_on: z.array(z.string()),
    checks: z.array(z.object(Check.shape)),
    priority: z.enum(priorities),
    state: z.enum(taskStates),
    waiting: Waiting.nullable(),
    attempt: z.int(),
    failures: z.int(),
    losses: z.int(),
    agent_id: z.string().nullable(),
    not_before: time.nullable(),
    deadline: time.nullable(),
    usage: UsageView,
    reserved: Reserved,
    result: z
      .object({
        summary: z.string(),
        commit: z.string().nullable(),
        artifact_id: z.string().nullable(),
        patch_artifact_id: z.string().nullable(),
        diff: z.object(DiffStat.shape).nullable(),
        checks: z.array(z.object(CheckResult.shape)),
        plan: PlanView.optional(),
        branch: z.string().nullish(),
        push_reason: z.string().nullish(),
      })
      .nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    checkpoint_number: z.int().nullable(),
    actions: z.array(z.enum(['cancel', 'retry'])),
    created_at: time,
    ready_at: time.nullable(),
    started_at: time.nullable(),
    ended_at: time.nullable(),
  }),
)
const Progress = z.object({ done: z.int(), total: z.int() })
const TreeTask = answer('TreeTask', z.object({ ...Task.shape, progress: Progress, total_usage: UsageView }))
export const TaskTree = answer(
  'TaskTree',
  z.object({ items: z.array(TreeTask), next_cursor: cursor, progress: Progress, usage: UsageView }),
)
export const TaskList = answer('TaskList', z.object({ items: z.array(Task), next_cursor: cursor }))
export const TaskTreeList = answer(
  'TaskTreeList',
  z.object({ items: z.array(RootTree), next_cursor: cursor }),
)

export const Agent = answer(
  'Agent',
  z.object({
    id: z.string(),
    name: z.string(),
    engine: z.object(Engine.shape),
    capabilities: z.array(z.string()),
    capacity: z.int(),
    labels: z.array(z.string()),
    state: z.enum(agentStates),
    active: z.int(),
    finished: z.int(),
    succeeded: z.int(),
    repositories: z.array(z.string()),
    registered_at: time,
    last_heartbeat_at: time,
    tier: z.enum(['ELITE', 'STANDARD', 'PROBATION']),
    load: z.number(),
    success_rate: z.number().nullable(),
    success_rates: z.record(z.string(), z.number()),
  }),
)
export const AgentList = answer('AgentList', z.object({ items: z.array(Agent), next_cursor: cursor }))
export const Registered = answer('Registered', z.object({ agent: Agent, token: z.string() }))
export const Key = answer(
  'Key',
  z.object({
    id: z.string(),
    prefix: z.string(),
    name: z.string(),
    scopes: z.array(z.enum(scopes)),
    expires_at: time.nullable(),
    revoked_at: time.nullable(),
    created_at: time,
    last_used_at: time.nullable(),
  }),
)
export const KeyList = answer('KeyList', z.object({ items: z.array(Key), next_cursor: cursor }))
export const KeyMade = answer('KeyMade', z.object({ key: Key, token: z.string() }))
export const Webhook = answer(
  'Webhook',
  z.object({
    id: z.string(),
    url: z.string(),
    description: z.string(),
    event_types: z.array(z.enum(webhookEventTypes)),
    state: z.enum(webhookStates),
    disabled_reason: z.string().nullable(),
    failing_since: time.nullable(),
    previous_until: time.nullable(),
    version: z.int(),
    created_at: time,
    updated_at: time,
  }),
)
export const WebhookList = answer('WebhookList', z.object({ items: z.array(Webhook), next_cursor: cursor }))
export const WebhookMade = answer('WebhookMade', z.object({ webhook: Webhook, secret: z.string() }))
export const Delivery = answer(
  'Delivery',
  z.object({
    id: z.string(),
    webhook_id: z.string(),
    event_type: z.string(),
    payload: z.string(),
    state: z.enum(deliveryStates),
    attempts: z.int(),
    next_attempt_at: time.nullable(),
    tries: z.array(
      z.object({ at: time, status: z.int().nullable(), error: z.string().nullable(), latency_ms: z.int() }),
    ),
    created_at: time,
    ended_at: time.nullable(),
  }),
)
export const DeliveryList = answer(
  'DeliveryList',
  z.object({ items: z.array(Delivery), next_cursor: cursor }),
)
export const Inbox = answer('Inbox', z.object({ items: z.array(InboxItem) }))
answer('HeartbeatAnswer', HeartbeatAnswer)
answer('Assignment', Assignment)
answer('EventBatchAnswer', EventBatchAnswer)
answer('SubtasksAnswer', SubtasksAnswer)

const Event = answer(
  'Event',
  z.object({
    seq: z.int(),
    session_id: z.string(),
    at: time,
    type: z.enum(eventTypes),
    task_id: z.string().optional(),
    agent_id: z.string().optional(),
    data: z.record(z.string(), z.unknown()),
  }),
)
export const EventPage = answer(
  'EventPage',
  z.object({ items: z.array(Event), next_after: z.int(), last_seq: z.int() }),
)
export const Verdict = answer(
  'Verdict',
  z.object({
    valid: z.boolean(),
    pages: z.int(),
    last_seq: z.int(),
    broken_at: z.int().nullable(),
    reason: z.string().nullable(),
  }),
)

const Checkpoint = answer(
  'Checkpoint',
  z.object({
    id: z.string(),
    session_id: z.string(),
    number: z.int(),
    trigger: z.enum(checkpointTriggers),
    seq: z.int(),
    task_id: z.string().nullable(),
    artifact_id: z.string().nullable(),
    size: z.int(),
    created_at: time,
  }),
)
export const CheckpointList = answer(
  'CheckpointList',
  z.object({ items: z.array(Checkpoint), next_cursor: cursor }),
)
const record = z.record(z.string(), z.unknown())
export const WholeCheckpoint = answer(
  'WholeCheckpoint',
  z.object({ ...Checkpoint.shape, session: record, tasks: z.array(record) }),
)
export const CheckpointAsked = answer(
  'CheckpointAsked',
  z.object({ asked: z.int(), checkpoint_number: z.int() }),
)
export const CheckpointMade = answer('CheckpointMade', z.object({ number: z.int() }))

const Presigned = z.object({
  method: z.enum(['PUT', 'GET']),
  url: z.string(),
  headers: z.record(z.string(), z.string()),
})
export const ArtifactMade = answer('ArtifactMade', z.object({ id: z.string(), upload: Presigned }))
export const Artifact = answer(
  'Artifact',
  z.object({
    id: z.string(),
    session_id: z.string(),
    task_id: z.string(),
    attempt: z.int(),
    kind: z.string(),
    size: z.int(),
    created_at: time,
    download: Presigned,
  }),
)
export const ContextEntry = answer(
  'ContextEntry',
  z.object({
    scope: z.enum(contextScopes),
    id: z.string(),
    key: z.string(),
    value: z.unknown(),
    deleted: z.boolean(),
    version: z.int(),
    strategy: ContextStrategy,
    author: z.string(),
    size: z.int(),
    created_at: time,
  }),
)
export const ContextList = answer(
  'ContextList',
  z.object({ items: z.array(ContextEntry), next_cursor: cursor }),
)
const Conflict = z.object({
  pointer: z.string(),
  base: z.unknown().optional(),
  theirs: z.unknown().optional(),
  yours: z.unknown().optional(),
})
const ContextVersion = answer(
  'ContextVersion',
  z.object({ ...ContextEntry.shape, based_on: z.int(), conflicts: z.array(Conflict) }),
)
export const ContextHistory = answer(
  'ContextHistory',
  z.object({ items: z.array(ContextVersion), next_cursor: cursor }),
)
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
export const Tenant = answer('Tenant', TenantView)
export const DeadLetter = answer('DeadLetter', DeadLetterView)
export const DeadLetterList = answer(
  'DeadLetterList',
  z.object({ items: z.array(DeadLetter), next_cursor: cursor }),
)

export const AuditList = answer(
  'AuditList',
  z.object({ items: z.array(answer('AuditEntry', AuditEntry)), next_cursor: cursor }),
)
export const Message = answer('Message', z.object({ id: z.string(), text: z.string() }))
export const FleetStats = answer('Stats', z.object({ ...Stats.shape, queues: Queues }))
answer('History', History)
export const CapabilityList = answer('CapabilityList', z.object({ items: z.array(CapabilityLoad) }))
export const NeedList = answer('NeedList', z.object({ items: z.array(Need) }))
export const ChangeList = answer('ChangeList', z.object({ items: z.array(SessionChange) }))

export const Health = answer('Health', z.object({ status: z.literal('ok') }))
export const Ready = answer(
  'Ready',
  z.object({
    status: z.enum(['ok', 'degraded']),
    dependencies: z.record(
      z.string(),
      z.object({ ok: z.boolean(), latency_ms: z.number(), error: z.string().nullable() }),
    ),
  }),
)

export const SocketTicket = answer(
  'SocketTicket',
  z.object({ ticket: z.string(), url: z.string(), expires_at: time }),
)

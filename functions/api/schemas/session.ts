import * as z from 'zod'
import { ApprovalPolicy } from '#core/approval/policy'
import { owners, partKinds } from '#core/diagnosis/facts'
import { priorities } from '#core/priority'
import { SessionChange } from '#core/session/changes'
import { SessionCounts } from '#core/session/count'
import { Fork, failureCodes, NewSession, Repository, SessionPatch } from '#core/session/session'
import { type SessionAction, sessionStates, transitions } from '#core/session/states'
import { DiffStat } from '#core/task/wire'
import { Budget } from '#core/usage/budget'
import { answer, body } from '../document.ts'
import { cursor, Reserved, time, UsageView, Waiting } from './parts.ts'
import { PlanView } from './plan.ts'

/** What requests hold: the very schemas that the domain validates with, named for the document. */
body('NewSession', NewSession)
body('SessionPatch', SessionPatch)
body('Fork', Fork)
export const NewMessage = body('NewMessage', z.strictObject({ text: z.string().min(1).max(20_000) }))

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
    history_until: time.nullable().meta({
      description:
        'It stays until then with all of its history, and while it has forks; null until it has ended.',
    }),
  }),
)
export const SessionList = answer('SessionList', z.object({ items: z.array(Session), next_cursor: cursor }))
answer('SessionCounts', SessionCounts)

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

export const ChangeList = answer('ChangeList', z.object({ items: z.array(SessionChange) }))
export const Message = answer('Message', z.object({ id: z.string(), text: z.string() }))

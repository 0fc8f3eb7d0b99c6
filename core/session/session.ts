import * as z from 'zod'
import { label, requiredLabel } from '#core/agent/wire'
import { ApprovalPolicy, type SessionPolicy } from '#core/approval/policy'
import { Plan } from '#core/plan/plan'
import { Priority } from '#core/priority'
import { Budget, noBudget, type Reserved } from '#core/usage/budget'
import type { Usage } from '#core/usage/usage'
import type { SessionState } from './states.ts'

export const Repository = z.strictObject({
  /** Anything that `git clone` takes and that is not an option: https, ssh, file or an absolute path. */
  url: z
    .string()
    .min(1)
    .max(2_000)
    .regex(
      /^(https?:\/\/|ssh:\/\/|git:\/\/|file:\/\/|\/|[\w.-]+@[\w.-]+:)/,
      'must be a git URL or an absolute path',
    )
    .regex(/^\P{Cc}*$/u, 'must not contain control characters'),
  /** Branch, tag or commit to start from; null is the repository's own default branch. */
  base: z
    .string()
    .max(300)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._/+@-]*$/, 'must be a branch, tag or commit')
    .regex(/^(?!.*(\.\.|@\{|\/\/)).*$/, 'must be a branch, tag or commit')
    .nullable()
    .default(null),
})
export type Repository = z.infer<typeof Repository>

/** Postgres text holds every character but NUL. */
const text = z.string().refine((value) => !value.includes('\0'), 'must not contain the NUL character')

/** Those that begin with `agent:` are asked of the agents: only one that carries what follows may take its tasks. */
const SessionLabels = z
  .array(
    label.refine((text) => label.safeParse(requiredLabel(text) ?? text).success, {
      message: 'must name a label of agents after "agent:"',
    }),
  )
  .max(50)

export const NewSession = z.strictObject({
  title: text.min(1).max(200),
  prompt: text.min(1).max(100_000),
  priority: Priority.default('MEDIUM'),
  repository: Repository.nullable().default(null),
  plan: Plan.nullable().default(null),
  budget: Budget.default(noBudget),
  labels: SessionLabels.default([]),
  approval_policy: ApprovalPolicy.default(ApprovalPolicy.parse({})),
  start: z.boolean().default(false),
})
export type NewSession = z.infer<typeof NewSession>

export const SessionPatch = z.strictObject({
  title: text.min(1).max(200).optional(),
  priority: Priority.optional(),
  budget: Budget.optional(),
  labels: SessionLabels.optional(),
  approval_policy: ApprovalPolicy.optional(),
})
export type SessionPatch = z.infer<typeof SessionPatch>

export const Fork = z.strictObject({
  /** The number of the checkpoint to go on from; the last one when it is not given. */
  checkpoint: z.int().min(1).max(2_147_483_647).optional(),
  title: text.min(1).max(200).optional(),
  start: z.boolean().default(false),
})
export type Fork = z.infer<typeof Fork>

/** Every code of a failed session, each with a sentence that a person can act on (core/session/failures.ts). */
export const failureCodes = [
  'plan_invalid',
  'task_failed',
  'deadline_exceeded',
  'engine_error',
  'agent_lost',
  'integration_failed',
  'repository_unavailable',
] as const
export type FailureCode = (typeof failureCodes)[number]

/** Why nothing moves: who must act, since when, and by when something else happens. */
export type Waiting = { reason: string; sentence: string; since: string; until: string | null }

export type SessionResult = {
  summary: string
  branch: string | null
  commit: string | null
  diff: { files: number; insertions: number; deletions: number } | null
  /** Where the branch was not pushed: why. The bundle and the patch are then the result. */
  push_reason: string | null
  artifact_id: string | null
  patch_artifact_id: string | null
}

/** A session as it is stored and as it is answered, but for `head_hash` and `step_errors`. */
export type Session = {
  tenant_id: string
  id: string
  title: string
  prompt: string
  priority: Priority
  repository: Repository | null
  /** The commit that the session is pinned to, once a worker has resolved `repository.base`. */
  base_commit: string | null
  base_artifact_id: string | null
  plan: Plan | null
  budget: Budget
  labels: string[]
  approval_policy: SessionPolicy
  state: SessionState
  waiting: Waiting | null
  wake_at: string | null
  /** While PAUSING or STOPPING: when held tasks are taken from their agents. */
  settle_by: string | null
  version: number
  last_seq: number
  checkpoint_number: number
  /** Whether its agents' model is a script; null until the first claim. */
  rehearsal: boolean | null
  usage: Usage
  /** Of what is left of the budget: what its running tasks may spend before they report again. */
  reserved: Reserved
  attempts_finished: number
  attempts_succeeded: number
  result: SessionResult | null
  failure: { code: FailureCode; message: string; task_id: string | null } | null
  step_errors: number
  /** The checkpoint of another session that it was forked from. */
  parent: { session_id: string; checkpoint: number } | null
  created_at: string
  updated_at: string
  queued_at: string | null
  started_at: string | null
  ended_at: string | null
}

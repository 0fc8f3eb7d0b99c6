import { ApprovalPolicy } from '#core/approval/policy'
import { type NewSession, noBudget } from '#core/session/session'

/** A session of `tasks` trivial tasks, each of which needs the one before. */
export function sequentialSession(tasks: number): NewSession {
  const keyOf = (i: number) => `step-${i + 1}`
  return {
    title: 'Benchmark',
    prompt: 'Do the steps one after the other.',
    priority: 'MEDIUM',
    repository: null,
    budget: noBudget,
    labels: [],
    approval_policy: ApprovalPolicy.parse({}),
    start: true,
    plan: {
      summary: `${tasks} steps in order`,
      tasks: Array.from({ length: tasks }, (_, i) => ({
        key: keyOf(i),
        title: `Step ${i + 1}`,
        instruction: 'Do it.',
        capability: 'CODE_GENERATION',
        depends_on: i === 0 ? [] : [keyOf(i - 1)],
        checks: [],
      })),
    },
  }
}

/** What a scripted worker hands in: a commit that nobody made. */
export const handedIn = {
  summary: 'Done.',
  commit: 'a'.repeat(40),
  base_commit: 'b'.repeat(40),
  artifact_id: null,
  patch_artifact_id: null,
  diff: { files: 1, insertions: 2, deletions: 0 },
  checks: [],
}

export const capabilities = ['CODE_GENERATION', 'INTEGRATION']

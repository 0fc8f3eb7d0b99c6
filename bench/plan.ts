import { ApprovalPolicy } from '#core/approval/policy'
import type { NewSession } from '#core/session/session'
import { noBudget } from '#core/usage/budget'

const keyOf = (i: number) => `step-${i + 1}`

/** A session of `tasks` trivial tasks, each of which needs the one before. */
export function sequentialSession(tasks: number) {
  return sessionOf(tasks, (i) => (i === 0 ? [] : [keyOf(i - 1)]))
}

/** A session of `tasks` trivial tasks that need nothing. */
export function parallelSession(tasks: number) {
  return sessionOf(tasks, () => [])
}

function sessionOf(tasks: number, needs: (i: number) => string[]): NewSession {
  return {
    title: 'Benchmark',
    prompt: 'Do the steps.',
    priority: 'MEDIUM',
    repository: null,
    budget: noBudget,
    labels: [],
    approval_policy: ApprovalPolicy.parse({}),
    start: true,
    plan: {
      summary: `${tasks} steps`,
      tasks: Array.from({ length: tasks }, (_, i) => ({
        key: keyOf(i),
        title: `Step ${i + 1}`,
        instruction: 'Do it.',
        capability: 'CODE_GENERATION',
        depends_on: needs(i),
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

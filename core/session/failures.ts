import type { FailureCode } from './session.ts'

/** What a person reads when a session has failed, and what they can do. `why` is the cause in its own words. */
export function failureSentence(code: FailureCode, why: string) {
  switch (code) {
    case 'plan_invalid':
      return `The Architect handed in no valid plan: ${why} Make the goal smaller or give a plan, then retry.`
    case 'task_failed':
      return `${why} Read its log, correct the cause, then retry: finished tasks stay finished.`
    case 'deadline_exceeded':
      return `The time limit of ${why} is over. Raise budget.seconds in a new session, or make the goal smaller.`
    case 'engine_error':
      return `The orchestrator could not decide what comes next: ${why} This is a fault of ours; retry, and report it.`
    case 'agent_lost':
      return `${why} Look at the agents' logs and memory, then retry.`
    case 'integration_failed':
      return `The accepted commits could not be joined: ${why} Retry, or merge the tasks' bundles by hand.`
    case 'repository_unavailable':
      return `The repository cannot be used: ${why} Correct its address, branch or access, then retry.`
  }
}

/** Why a session rests that an operator has paused. */
export const pausedSentence = 'An operator paused it. Resume it to go on.'

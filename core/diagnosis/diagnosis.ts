import { isTerminal, type SessionState } from '#core/session/states'
import type { Facts, KnownSession, Wait } from './facts.ts'
import { sessionWait } from './session.ts'

export type Ended = { at: string; code: string; sentence: string; task_id: string | null }

export type Diagnosis = {
  session_id: string
  state: SessionState
  /** Null when it has ended. */
  waiting: Wait | null
  /** Why it ended, when it has. */
  ended: Ended | null
}

/** Says what a session waits for, or why it ended. Pure: the same facts give the same answer. */
export function diagnose(facts: Facts): Diagnosis {
  const { id, state } = facts.session
  const over = isTerminal(state)
  return {
    session_id: id,
    state,
    waiting: over ? null : sessionWait(facts),
    ended: over ? ended(facts.session) : null,
  }
}

function ended({ state, failure, result, ended_at, updated_at }: KnownSession): Ended {
  const at = ended_at ?? updated_at
  if (state === 'FAILED' && failure)
    return { at, code: failure.code, sentence: failure.message, task_id: failure.task_id }
  if (state === 'STOPPED') {
    const sentence = 'An operator stopped it. Retry it to go on: finished tasks stay finished.'
    return { at, code: 'stopped', sentence, task_id: null }
  }
  const where = result?.branch ? ` Its work is on branch ${result.branch}.` : ''
  return { at, code: state.toLowerCase(), sentence: `All its tasks are finished.${where}`, task_id: null }
}

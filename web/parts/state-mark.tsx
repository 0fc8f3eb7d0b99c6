import type { AgentState } from '#core/agent/states'
import type { SessionState } from '#core/session/states'
import type { TaskState } from '#core/task/states'
import css from './state-mark.module.css'

type State = SessionState | TaskState | AgentState
type Form = 'hollow' | 'waited' | 'running' | 'held' | 'stopped' | 'ran' | 'failed' | 'asking'

/** Form first: what ran is solid, what runs is lit, what waits is hatched, what failed is crossed. */
const forms: Record<State, Form> = {
  PENDING: 'hollow',
  BLOCKED: 'hollow',
  QUEUED: 'waited',
  READY: 'waited',
  ASSIGNED: 'waited',
  RUNNING: 'running',
  ONLINE: 'running',
  AWAITING_INPUT: 'asking',
  WAITING_CHILDREN: 'waited',
  PAUSING: 'held',
  PAUSED: 'held',
  DRAINING: 'held',
  STOPPING: 'stopped',
  STOPPED: 'stopped',
  CANCELLED: 'stopped',
  OFFLINE: 'stopped',
  COMPLETED: 'ran',
  FAILED: 'failed',
}

/** A state's mark; the words stand beside it, or are given to screen readers with `said`. */
export function StateMark({ state, said = false }: { state: State; said?: boolean }) {
  return (
    <>
      <span
        className={css.mark}
        data-form={forms[state]}
        data-moving={state === 'RUNNING'}
        aria-hidden="true"
      />
      {said && <span className="sr">{state}</span>}
    </>
  )
}

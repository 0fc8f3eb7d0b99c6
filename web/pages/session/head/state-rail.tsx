import { isLegal, type SessionAction, type SessionState, transitions } from '#core/session/states'
import type { Session } from '../../../api/types.ts'
import { clockTime, span } from '../../../parts/format.ts'
import { useNow } from '../../../parts/now.ts'
import type { Entered } from '../feed/story.ts'
import { railOf, turns } from './rail.ts'
import css from './state-rail.module.css'

const actions = Object.keys(transitions).filter((name): name is SessionAction => name in transitions)

const tones: Partial<Record<SessionState, 'moving' | 'failed' | 'done'>> = {
  RUNNING: 'moving',
  PAUSING: 'moving',
  STOPPING: 'moving',
  FAILED: 'failed',
  COMPLETED: 'done',
}

/** The session's states as the server's table has them, with the times at which this one came through. */
export function StateRail({ session, states }: { session: Session; states: readonly Entered[] }) {
  const now = useNow()
  const { state } = session
  const entries = entriesOf(session, states)
  const stops = railOf(state, entries)
  return (
    <ol className={css.rail} aria-label="State of the session">
      {stops.map(({ state: one, kind, at }) => (
        <li
          key={one}
          data-kind={kind}
          data-tone={kind === 'now' ? (tones[one] ?? 'still') : undefined}
          aria-current={kind === 'now' ? 'step' : undefined}
        >
          {kind === 'now' && <i className={css.light} aria-hidden="true" />}
          <b>
            {kind === 'past' && <span aria-hidden="true">✓ </span>}
            {one}
          </b>
          {at !== null && kind === 'past' && <span className="mono">{clockTime(at)}</span>}
          {at !== null && kind === 'now' && (
            <span className="mono">{session.ended_at === null ? span(now - at) : `at ${clockTime(at)}`}</span>
          )}
          {kind === 'now' && <span className={css.counts}>{countsOf(session, states)}</span>}
        </li>
      ))}
      <li className={css.turns}>
        <span className="label">Turns</span>
        {turns
          .filter((one) => one !== state)
          .map((one) => (
            <span key={one} data-legal={canReach(state, one)}>
              {one}
            </span>
          ))}
      </li>
    </ol>
  )
}

/** Whether the next change may be to that state. */
function canReach(state: SessionState, to: SessionState) {
  return actions.some((action) => transitions[action].to === to && isLegal(state, action))
}

/** Times from the history; while it is being read, those of the record. */
function entriesOf(
  { state, created_at, queued_at, started_at, ended_at }: Session,
  states: readonly Entered[],
) {
  const record: [string, string | null][] = [
    ['PENDING', created_at],
    ['QUEUED', queued_at],
    ['RUNNING', started_at],
    [state, ended_at],
  ]
  const known = new Map<string, number>()
  for (const [name, at] of record) if (at !== null) known.set(name, Date.parse(at))
  for (const { state: name, at } of states) known.set(name, at)
  return known
}

function countsOf({ checkpoint_number }: Session, states: readonly Entered[]) {
  const resumed = states.filter(
    ({ state }, i) => state === 'QUEUED' && states[i - 1]?.state === 'PAUSED',
  ).length
  const parts = [`${checkpoint_number} ${checkpoint_number === 1 ? 'checkpoint' : 'checkpoints'}`]
  if (resumed > 0) parts.push(`resumed ${resumed === 1 ? 'once' : `${resumed} times`}`)
  return parts.join(' · ')
}

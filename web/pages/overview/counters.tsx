import { Link } from '@tanstack/react-router'
import type { SessionState } from '#core/session/states'
import type { Stats } from '../../api/types.ts'
import { countOf, words } from '../../parts/format.ts'
import { StateMark } from '../../parts/state-mark.tsx'
import css from './counters.module.css'

/** States that a person thinks of as one; the first gives the mark. */
const groups = [
  { title: 'Running', states: ['RUNNING'] },
  { title: 'Pending and queued', states: ['PENDING', 'QUEUED'] },
  { title: 'Completed', states: ['COMPLETED'] },
  { title: 'Failed', states: ['FAILED'] },
  { title: 'Paused', states: ['PAUSED', 'PAUSING'] },
  { title: 'Stopped', states: ['STOPPED', 'STOPPING'] },
] as const satisfies { title: string; states: SessionState[] }[]

/** Sessions by state; each leads to its list. */
export function Counters({ counts }: { counts: Stats['sessions'] }) {
  return (
    <ul className={css.counters} aria-label="Sessions by state">
      {groups.map(({ title, states }) => {
        const total = states.reduce((sum, state) => sum + counts[state], 0)
        return (
          <li key={title}>
            <Link
              to="/sessions"
              search={{ state: states.join(',') }}
              data-lit={title === 'Running' && total > 0}
              data-none={total === 0}
            >
              <span className="label">
                <StateMark state={states[0]} /> {title}
              </span>
              <b>{countOf(total)}</b>
              <small>{partsOf(states, counts)}</small>
            </Link>
          </li>
        )
      })}
    </ul>
  )
}

/** Of a group with several states, how many are in which. */
function partsOf(states: readonly SessionState[], counts: Stats['sessions']) {
  if (states.length === 1) return ''
  const some = states.filter((state) => counts[state] > 0)
  return some.map((state) => `${countOf(counts[state])} ${words(state)}`).join(' · ')
}

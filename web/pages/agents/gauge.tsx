import type { Agent } from '../../api/types.ts'
import css from './gauge.module.css'

const mostSlots = 16

/** Slots of an agent, each a field; on probation only the first may be used. */
export function Gauge({ agent: { state, active, capacity, load, tier } }: { agent: Agent }) {
  const share = Math.round(load * 100)
  const isAway = state === 'OFFLINE'
  return (
    <div className={css.gauge} data-away={isAway}>
      <div
        className={css.slots}
        aria-hidden="true"
        data-many={capacity > mostSlots}
        style={{ '--slots': capacity, '--load': `${share}%` }}
      />
      <span className={css.words}>
        <b>
          <span className="sr">load </span>
          {share} %
        </b>
        <small>
          {active} of {capacity} <span className="sr">slots</span>
          {tier === 'PROBATION' && capacity > 1 && ', one at a time'}
        </small>
      </span>
    </div>
  )
}

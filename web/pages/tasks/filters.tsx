import { Link, useNavigate } from '@tanstack/react-router'
import { useId } from 'react'
import { taskStates } from '#core/task/states'
import type { CapabilityLoad, Stats } from '../../api/types.ts'
import { countOf, sentenceCase } from '../../parts/format.ts'
import { StateMark } from '../../parts/state-mark.tsx'
import css from './filters.module.css'
import type { TasksSearch } from './search.ts'

type Props = {
  search: TasksSearch
  counts: Stats['tasks'] | undefined
  loads: CapabilityLoad[] | undefined
}

/** By state, with how many there are of all sessions, and by capability. */
export function Filters({ search: { state, capability }, counts, loads = [] }: Props) {
  const chosen = state?.split(',') ?? []
  const kept = capability === undefined ? {} : { capability }
  const toggled = (one: string) => {
    const next = chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one]
    return next.length > 0 ? { ...kept, state: next.join(',') } : kept
  }
  return (
    <div className={css.filters}>
      <ul className={css.chips} aria-label="By state">
        <li>
          <Link to="/tasks" search={kept} aria-current={chosen.length === 0 ? 'true' : undefined}>
            All
          </Link>
        </li>
        {taskStates.map((one) => (
          <li key={one}>
            <Link to="/tasks" search={toggled(one)} aria-current={chosen.includes(one) ? 'true' : undefined}>
              <StateMark state={one} /> {sentenceCase(one)} <b>{counts && countOf(counts[one])}</b>
            </Link>
          </li>
        ))}
      </ul>
      <Capability value={capability} state={state} loads={loads} />
    </div>
  )
}

type CapabilityProps = { value: string | undefined; state: string | undefined; loads: CapabilityLoad[] }

function Capability({ value, state, loads }: CapabilityProps) {
  const navigate = useNavigate()
  const id = useId()
  const known = [...new Set([...loads.map(({ capability }) => capability), ...(value ? [value] : [])])].sort()
  const choose = (capability: string) =>
    navigate({ to: '/tasks', search: { ...(state && { state }), ...(capability && { capability }) } })
  return (
    <div className={css.capability}>
      <label htmlFor={id} className="label">
        Capability
      </label>
      <select id={id} value={value ?? ''} onChange={({ target }) => choose(target.value)}>
        <option value="">All</option>
        {known.map((capability) => {
          const waiting = loads.find((load) => load.capability === capability)?.waiting ?? 0
          return (
            <option key={capability} value={capability}>
              {capability}
              {waiting > 0 && ` (${waiting} waiting)`}
            </option>
          )
        })}
      </select>
    </div>
  )
}

import type { CapabilityLoad } from '../../api/types.ts'
import { countOf, span } from '../../parts/format.ts'

type Load = Pick<
  CapabilityLoad,
  'capability' | 'agents' | 'capacity' | 'active' | 'free' | 'waiting' | 'oldest_at'
>

/** `short`: tasks wait and nobody can take them. `full`: all that could are busy. `fine`: nobody waits for long. */
export type Verdict = { kind: 'short' | 'full' | 'fine'; sentence: string }

/** Names what holds the fleet up: what is missing before what is busy, the longest queue first. */
export function bottleneckOf(loads: readonly Load[], now: number): Verdict {
  const waiting = loads.filter((load) => load.waiting > 0).sort((a, b) => b.waiting - a.waiting)
  const missing = waiting.find(({ agents }) => agents === 0)
  if (missing) {
    const others = waiting.filter(({ agents }) => agents === 0).length - 1
    const more = others > 0 ? `, nor ${others} more that are asked for` : ''
    return {
      kind: 'short',
      sentence: `No agent online has ${missing.capability}${more}: ${queueOf(missing, now)}.`,
    }
  }
  const full = waiting.find(({ free }) => free === 0)
  if (full) {
    return {
      kind: 'full',
      sentence: `${full.capability} is the bottleneck: ${queueOf(full, now)}, and ${slotsOf(full)} in use.`,
    }
  }
  const [next] = waiting
  if (next)
    return {
      kind: 'fine',
      sentence: `${queueOf(next, now)} for ${next.capability}; a slot is free and it is offered next.`,
    }
  if (loads.every(({ agents }) => agents === 0))
    return { kind: 'short', sentence: 'No agent is online. Nothing waits for one yet.' }
  return { kind: 'fine', sentence: 'No task waits for an agent.' }
}

function queueOf({ waiting, oldest_at }: Load, now: number) {
  const tasks = waiting === 1 ? '1 task waits' : `${countOf(waiting)} tasks wait`
  const age =
    oldest_at === null
      ? ''
      : waiting === 1
        ? `, for ${span(now - Date.parse(oldest_at))}`
        : `, the oldest for ${span(now - Date.parse(oldest_at))}`
  return `${tasks}${age}`
}

/** An agent on probation takes one task at a time: of its other slots none can be used. */
function slotsOf({ capacity, active }: Load) {
  if (active < capacity) return `the ${active} of ${capacity} slots that agents on probation leave are`
  return capacity === 1 ? 'the 1 slot that can do it is' : `all ${capacity} slots that can do it are`
}

/** How much of the slots is taken, 0 to 1; null where there is none to take. */
export function loadOf({ capacity, active }: Pick<Load, 'capacity' | 'active'>) {
  return capacity === 0 ? null : Math.min(1, active / capacity)
}

import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { CapabilityLoad, Stats } from '../../api/types.ts'
import { countOf } from '../../parts/format.ts'
import { Failed, Reading } from '../../parts/notice.tsx'
import { useNow } from '../../parts/now.ts'
import { bottleneckOf, loadOf } from './bottleneck.ts'
import css from './fleet.module.css'
import { overview } from './queries.ts'
import { Section } from './section.tsx'

/** Agents and their slots as a gauge, and what they can do against what is asked of them. */
export function Fleet({ stats: { agents, slots } }: { stats: Stats }) {
  const loads = useQuery(overview.capabilities())
  const total = agents.ONLINE + agents.DRAINING + agents.OFFLINE
  const working = agents.ONLINE + agents.DRAINING
  return (
    <Section title="Agents" aside={<Link to="/agents">All agents</Link>}>
      <div className={css.gauges}>
        <Gauge label="Active agents" taken={working} of={total} note={notesOf(agents)} />
        <Gauge label="Slots in use" taken={slots.active} of={slots.capacity} note="" />
      </div>
      {loads.isPending && <Reading what="the load" />}
      {loads.isError && !loads.data && (
        <Failed what="The load" error={loads.error} retry={() => loads.refetch()} />
      )}
      {loads.data && <Loads loads={loads.data.items} />}
    </Section>
  )
}

function notesOf({ DRAINING, OFFLINE }: Stats['agents']) {
  const notes = [
    DRAINING > 0 && `${countOf(DRAINING)} draining`,
    OFFLINE > 0 && `${countOf(OFFLINE)} offline`,
  ]
  return notes.filter(Boolean).join(' · ')
}

/** Beyond this many a cell for each could not be told apart. */
const mostCells = 40

type GaugeProps = { label: string; taken: number; of: number; note: string }

function Gauge({ label, taken, of, note }: GaugeProps) {
  const cells = Math.min(of, mostCells)
  const filled = of === 0 ? 0 : Math.round((taken / of) * cells)
  return (
    <div className={css.gauge}>
      <p>
        <span className="label">{label}</span>
        <b>
          {countOf(taken)} <small>of {countOf(of)}</small>
        </b>
      </p>
      <div className={css.cells} aria-hidden="true">
        {Array.from({ length: cells }, (_, i) => i < filled).map((isFilled, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its place.
          <i key={i} data-filled={isFilled} />
        ))}
      </div>
      {note && <p className={css.note}>{note}</p>}
    </div>
  )
}

/** What tasks wait for stands first; what nobody has and nobody asks for is not told. */
function Loads({ loads }: { loads: CapabilityLoad[] }) {
  const now = useNow()
  const { kind, sentence } = bottleneckOf(loads, now)
  return (
    <>
      <p className={css.verdict} data-kind={kind}>
        {sentence}
      </p>
      {loads.length > 0 && (
        <table className={css.loads}>
          <caption className="sr">Load by capability</caption>
          <thead>
            <tr className="label">
              <th scope="col">Capability</th>
              <th scope="col">Slots in use</th>
              <th scope="col">Waiting</th>
            </tr>
          </thead>
          <tbody>
            {loads.map((load) => (
              <Load key={load.capability} load={load} />
            ))}
          </tbody>
        </table>
      )}
    </>
  )
}

function Load({ load }: { load: CapabilityLoad }) {
  const { capability, agents, capacity, active, waiting } = load
  const ratio = loadOf(load)
  return (
    <tr>
      <th scope="row">
        <Link to="/tasks" search={{ capability }}>
          {capability}
        </Link>
      </th>
      <td>
        {ratio === null ? (
          <span className={css.nobody} data-wanted={waiting > 0}>
            no agent
          </span>
        ) : (
          <span className={css.load} title={`${agents} online, ${active} of ${capacity} slots in use`}>
            <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
              <rect width={ratio * 100} height="10" />
            </svg>
            <span>
              {countOf(active)}/{countOf(capacity)}
            </span>
          </span>
        )}
      </td>
      <td data-none={waiting === 0}>{countOf(waiting)}</td>
    </tr>
  )
}

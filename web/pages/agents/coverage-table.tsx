import type { Agent } from '../../api/types.ts'
import { countOf } from '../../parts/format.ts'
import { StateMark } from '../../parts/state-mark.tsx'
import type { Coverage } from './coverage.ts'
import css from './coverage-table.module.css'

const mostColumns = 20

type Props = { coverage: readonly Coverage[]; agents: readonly Agent[]; start: (capability: string) => void }

/** Who can do what, and what nobody can do. */
export function CoverageTable({ coverage, agents, start }: Props) {
  const columns = agents.filter(({ state }) => state !== 'OFFLINE').slice(0, mostColumns)
  const hidden = agents.filter(({ state }) => state !== 'OFFLINE').length - columns.length
  return (
    <section className={css.section} aria-labelledby="coverage">
      <h2 id="coverage">Coverage</h2>
      <p className={css.lead}>{leadOf(coverage)}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys. */}
      <section className={css.scroll} aria-label="Coverage by capability" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col" className="label">
                Capability
              </th>
              {columns.map(({ id, name }) => (
                <th key={id} scope="col" className={css.agent}>
                  <span>{name}</span>
                </th>
              ))}
              <th scope="col" className="label">
                Free slots
              </th>
              <th scope="col" className="label">
                Tasks ready
              </th>
              <th scope="col" className="label">
                Standing
              </th>
            </tr>
          </thead>
          <tbody>
            {coverage.map((row) => (
              <tr key={row.capability} data-standing={row.standing} data-waiting={row.waiting > 0}>
                <th scope="row">{row.capability}</th>
                {columns.map((agent) => (
                  <td key={agent.id} className={css.cell}>
                    {agent.capabilities.includes(row.capability) ? (
                      <StateMark state={agent.state === 'DRAINING' ? 'DRAINING' : 'COMPLETED'} />
                    ) : null}
                    <span className="sr">{agent.capabilities.includes(row.capability) ? 'yes' : 'no'}</span>
                  </td>
                ))}
                <td className={css.figure}>{countOf(row.free)}</td>
                <td className={css.figure}>{countOf(row.waiting)}</td>
                <td className={css.standing}>
                  <Standing row={row} start={start} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {hidden > 0 && <p className={css.lead}>{countOf(hidden)} more agents count in, without a column.</p>}
    </section>
  )
}

function Standing({ row, start }: { row: Coverage; start: (capability: string) => void }) {
  if (row.standing === 'covered') return <span>covered</span>
  if (row.standing === 'busy') return <b>all busy</b>
  return (
    <>
      <b>{row.waiting > 0 ? 'nobody, and work waits' : 'nobody online'}</b>
      <button type="button" onClick={() => start(row.capability)}>
        Start one… <span className="sr">for {row.capability}</span>
      </button>
    </>
  )
}

function leadOf(coverage: readonly Coverage[]) {
  const gaps = coverage.filter(({ standing }) => standing === 'gap')
  if (gaps.length === 0) return 'Every capability has an agent online.'
  const names = gaps.map(({ capability }) => capability).join(', ')
  return `No agent online has ${names}: tasks that ask for it wait.`
}

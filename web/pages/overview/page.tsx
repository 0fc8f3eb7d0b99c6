import { useQuery } from '@tanstack/react-query'
import { queries } from '../../api/query.ts'
import type { Need } from '../../api/types.ts'
import { Failed, Reading } from '../../parts/notice.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { Changes } from './changes.tsx'
import { Counters } from './counters.tsx'
import { Fleet } from './fleet.tsx'
import { Needs } from './needs.tsx'
import css from './page.module.css'
import { overview } from './queries.ts'
import { Queues } from './queues.tsx'
import { Trends } from './trends.tsx'

/** The situation report: what needs a person first, then how the fleet stands and what it did. */
export function OverviewPage() {
  const stats = useQuery(queries.stats())
  const needs = useQuery(overview.needs())
  return (
    <>
      <PageHead title="Overview" lead={needs.data && leadOf(needs.data.items)} />
      {stats.isPending && <Reading what="the fleet" />}
      {stats.isError && !stats.data && (
        <Failed what="The fleet" error={stats.error} retry={() => stats.refetch()} />
      )}
      {stats.data && (
        <>
          <Counters counts={stats.data.sessions} />
          <div className={css.sheet}>
            <div className={css.column}>
              <Needs />
              <Trends />
              <Changes />
            </div>
            <div className={css.column}>
              <Fleet stats={stats.data} />
              <Queues queues={stats.data.queues} />
            </div>
          </div>
        </>
      )}
    </>
  )
}

/** What was not started waits for its maker; it is told apart from what is in trouble. */
function leadOf(needs: readonly Need[]) {
  const count = needs.filter(({ kind }) => kind !== 'NOT_STARTED').length
  const rest = needs.length - count
  const idle =
    rest === 0 ? '' : rest === 1 ? ' 1 session was not started.' : ` ${rest} sessions were not started.`
  if (count === 0) return `Nothing needs a person.${idle}`
  return `${count === 1 ? '1 thing needs' : `${count} things need`} a person.${idle}`
}

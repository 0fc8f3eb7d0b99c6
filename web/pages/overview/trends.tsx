import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import type { History } from '../../api/types.ts'
import { compact, countOf, notKnown, percent, usd } from '../../parts/format.ts'
import { Failed, Reading } from '../../parts/notice.tsx'
import { Chart } from './chart.tsx'
import { overview } from './queries.ts'
import { type Window, windows } from './search.ts'
import { Section } from './section.tsx'
import { niceCount, niceTop, successOf, totalOf } from './steps.ts'
import css from './trends.module.css'

const names: Record<Window, string> = { hour: '1 hour', day: '24 hours', week: '7 days' }
const route = getRouteApi('/')

/** Throughput, success, tokens and cost over time, out of what is stored. */
export function Trends() {
  const { window = 'hour' } = route.useSearch()
  const history = useQuery(overview.history(window))
  return (
    <Section title="Over time" aside={<Windows window={window} />}>
      {history.isPending && <Reading what="the history" />}
      {history.isError && !history.data && (
        <Failed what="The history" error={history.error} retry={() => history.refetch()} />
      )}
      {history.data && <Charts history={history.data} />}
    </Section>
  )
}

function Windows({ window }: { window: Window }) {
  return (
    <nav className={css.windows} aria-label="How far back">
      {windows.map((one) => (
        <Link
          key={one}
          to="/"
          search={one === 'hour' ? {} : { window: one }}
          activeOptions={{ exact: true }}
          aria-current={one === window ? 'true' : undefined}
          replace
        >
          {names[one]}
        </Link>
      ))}
    </nav>
  )
}

function Charts({ history: { points, open, window } }: { history: History }) {
  const total = totalOf(points)
  const rates = points.map(({ tasks }) => successOf(tasks))
  const most = (values: number[]) => Math.max(0, ...values)
  const done = points.map(({ sessions }) => sessions.completed)
  const failed = points.map(({ sessions }) => sessions.failed)
  const tokens = points.map(({ used }) => used.tokens)
  const cost = points.map(({ used }) => used.cost_usd)
  const { sessions } = total
  const from = points[0]?.at ?? ''
  const ended = sessions.completed + sessions.failed + sessions.stopped
  const span = { from, window }
  return (
    <div className={css.charts}>
      <Chart
        {...span}
        title="Sessions ended"
        figure={countOf(ended)}
        note={`${countOf(sessions.completed)} completed · ${countOf(sessions.failed)} failed · ${countOf(sessions.stopped)} stopped`}
        empty="No session ended in this time."
        top={niceCount(most([...done, ...failed]))}
        label={countOf}
        up={done}
        down={failed}
      />
      <Chart
        {...span}
        title="Success rate"
        figure={percent(successOf(total.tasks))}
        note={`of tasks that ended: ${countOf(total.tasks.completed)} completed · ${countOf(total.tasks.failed)} failed`}
        empty="No task ended in this time."
        top={1}
        label={percent}
        marks={rates}
      />
      <Chart
        {...span}
        title="Tokens"
        figure={compact(total.tokens)}
        note={
          open.tokens > 0
            ? `counted at a task's end · ${compact(open.tokens)} more in open ones`
            : "counted at a task's end"
        }
        empty="No tokens were counted in this time."
        top={niceTop(most(tokens))}
        label={compact}
        lit={tokens}
      />
      <Chart
        {...span}
        title="Cost"
        figure={usd(total.cost_usd)}
        note={open.cost_usd > 0 ? `${usd(open.cost_usd)} more in open tasks` : "counted at a task's end"}
        empty="No cost was counted in this time."
        top={niceTop(most(cost))}
        label={(value) => (value === null ? notKnown : usd(value))}
        lit={cost}
      />
    </div>
  )
}

import { getRouteApi, Link, useRouterState } from '@tanstack/react-router'
import { countOf } from '../../parts/format.ts'
import { useCommands } from '../../shell/commands.ts'
import css from './pager.module.css'
import { pageSize, type SessionsSearch } from './search.ts'

declare module '@tanstack/history' {
  interface HistoryState {
    /** The cursors of the pages before this one; '' is the first. Absent after a link from elsewhere. */
    trail?: string[]
  }
}

const route = getRouteApi('/sessions')

type Props = { search: SessionsSearch; next: string | null; shown: number; total: number | undefined }

/** Where this page stands in the list, and the ways on and back. */
export function Pager({ search, next, shown, total }: Props) {
  const navigate = route.useNavigate()
  const trail = useRouterState({ select: ({ location }) => location.state.trail })
  const { cursor, ...first } = search
  const before = trail?.at(-1)
  const forth =
    next === null
      ? undefined
      : {
          search: { ...first, cursor: next },
          state: { trail: [...(trail ?? []), cursor ?? ''].slice(-1_000) },
        }
  const back =
    before === undefined
      ? undefined
      : {
          search: before === '' ? first : { ...first, cursor: before },
          state: { trail: trail?.slice(0, -1) ?? [] },
        }
  useCommands([
    {
      id: 'next page',
      group: 'This list',
      title: 'Next page',
      keys: ']',
      disabled: forth ? undefined : 'this is the last page',
      run: () => forth && navigate(forth),
    },
    {
      id: 'page before',
      group: 'This list',
      title: 'Page before',
      keys: '[',
      disabled: back ? undefined : 'this is the first page',
      run: () => back && navigate(back),
    },
  ])
  const from = (trail?.length ?? 0) * pageSize + 1
  const place = cursor && !trail ? `${shown} shown` : `${countOf(from)}–${countOf(from + shown - 1)}`
  return (
    <nav className={css.pager} aria-label="Pages">
      <span className="mono">
        {place}
        {total !== undefined && ` of ${countOf(total)}`}
      </span>
      {cursor && (
        <Link to="/sessions" search={first}>
          First page
        </Link>
      )}
      {back && (
        <Link to="/sessions" {...back}>
          ← Page before
        </Link>
      )}
      {forth && (
        <Link to="/sessions" {...forth}>
          Next page →
        </Link>
      )}
    </nav>
  )
}

import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { sessionStates } from '#core/session/states'
import { queries } from '../../api/query.ts'
import { Button } from '../../parts/button.tsx'
import { countOf } from '../../parts/format.ts'
import { Empty, Failed, Old, Reading } from '../../parts/notice.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { Filters } from './filters.tsx'
import css from './page.module.css'
import { Pager } from './pager.tsx'
import { isFiltered, queryOf } from './search.ts'
import { SessionTable } from './table.tsx'

const route = getRouteApi('/sessions')
const NewSession = lazy(() => import('./new-session.tsx'))

/** All sessions: by state, priority, label and text; rows change where they stand. */
export function SessionsPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { filter, page } = queryOf(search)
  const sessions = useQuery(queries.sessions(page))
  const counts = useQuery(queries.sessionCounts(filter))
  const total = counts.data && sumOf(counts.data.states, page.state ?? sessionStates)
  const openForm = () => navigate({ search: (now) => ({ ...now, new: true }) })
  const closeForm = () => navigate({ search: ({ new: _new, ...now }) => now, replace: true })
  return (
    <div className={css.page}>
      <PageHead title="Sessions" lead={leadOf(total, isFiltered(search))}>
        <Button kind="strong" keys="n" onClick={openForm}>
          + NEW SESSION
        </Button>
      </PageHead>
      <Filters search={search} counts={counts.data?.states} />
      {sessions.isError && sessions.data && (
        <Old error={sessions.error} at={sessions.dataUpdatedAt} retry={() => sessions.refetch()} />
      )}
      {sessions.isPending && <Reading what="sessions" />}
      {sessions.isError && !sessions.data && (
        <Failed what="Sessions" error={sessions.error} retry={() => sessions.refetch()} />
      )}
      {sessions.data && sessions.data.items.length > 0 && (
        <>
          <SessionTable sessions={sessions.data.items} busy={sessions.isPlaceholderData} />
          <Pager
            search={search}
            next={sessions.data.next_cursor}
            shown={sessions.data.items.length}
            total={total}
          />
        </>
      )}
      {sessions.data?.items.length === 0 && <Nothing filtered={isFiltered(search)} openForm={openForm} />}
      {search.new && (
        <Suspense fallback={null}>
          <NewSession onClose={closeForm} />
        </Suspense>
      )}
    </div>
  )
}

function Nothing({ filtered, openForm }: { filtered: boolean; openForm: () => void }) {
  const navigate = route.useNavigate()
  if (filtered) {
    return (
      <Empty title="No session matches">
        <p>Nothing is in these states and under these words now.</p>
        <Button onClick={() => navigate({ search: {} })}>Clear the filters</Button>
      </Empty>
    )
  }
  return (
    <Empty title="No sessions yet">
      <p>
        A session is one goal: you say what is to be true, agents plan it, write it and check it, and you
        watch. Give it a repository, or let it start from nothing.
      </p>
      <Button kind="strong" keys="n" onClick={openForm}>
        + NEW SESSION
      </Button>
      <p>
        Or from a terminal: <code>npx orchestrator session create --title … --prompt … --start --follow</code>
      </p>
    </Empty>
  )
}

function sumOf(counts: Record<string, number>, states: readonly string[]) {
  return states.reduce((sum, state) => sum + (counts[state] ?? 0), 0)
}

function leadOf(total: number | undefined, filtered: boolean) {
  if (total === undefined) return '\u00a0'
  return `${countOf(total)} ${total === 1 ? 'session' : 'sessions'}${filtered ? (total === 1 ? ' matches' : ' match') : ''}`
}

import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { type RefObject, useRef } from 'react'
import { taskStates } from '#core/task/states'
import { queries } from '../../api/query.ts'
import type { Stats } from '../../api/types.ts'
import { countOf, words } from '../../parts/format.ts'
import { Empty, Failed, Reading } from '../../parts/notice.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { useCommands } from '../../shell/commands.ts'
import { overview } from '../overview/queries.ts'
import { Filters } from './filters.tsx'
import css from './page.module.css'
import { treesOf } from './queries.ts'
import type { TasksSearch } from './search.ts'
import { Tree } from './tree.tsx'

const route = getRouteApi('/tasks')

/** The tasks of all sessions, as the trees that they are parts of. */
export function TasksPage() {
  const search = route.useSearch()
  const stats = useQuery(queries.stats())
  const trees = useQuery(treesOf(search))
  const loads = useQuery(overview.capabilities())
  const list = useRef<HTMLDivElement>(null)
  useSteps(list)
  return (
    <>
      <PageHead title="Tasks" lead={stats.data && leadOf(stats.data.tasks)} />
      <Filters search={search} counts={stats.data?.tasks} loads={loads.data?.items} />
      {trees.isPending && <Reading what="tasks" />}
      {trees.isError && !trees.data && (
        <Failed what="Tasks" error={trees.error} retry={() => trees.refetch()} />
      )}
      {trees.data?.items.length === 0 && <Nothing search={search} />}
      <div ref={list} data-old={trees.isPlaceholderData}>
        {trees.data?.items.map((tree) => (
          <Tree key={tree.session.id} tree={tree} loads={loads.data?.items} />
        ))}
      </div>
      <Pages search={search} next={trees.data?.next_cursor ?? null} />
    </>
  )
}

/** What is under way, in one line. */
function leadOf(counts: Stats['tasks']) {
  const open = taskStates.filter(
    (state) => counts[state] > 0 && !['COMPLETED', 'FAILED', 'CANCELLED'].includes(state),
  )
  if (open.length === 0) return 'No task is open.'
  return open.map((state) => `${countOf(counts[state])} ${words(state)}`).join(' · ')
}

function Nothing({ search: { state, capability, after } }: { search: TasksSearch }) {
  if (state === undefined && capability === undefined && after === undefined) {
    return (
      <Empty title="No tasks yet">
        <p>
          A session that is started is divided into tasks; they stand here with what each waits for.{' '}
          <Link to="/sessions">Create a session</Link>
        </p>
      </Empty>
    )
  }
  const what = [state && words(state).replaceAll(',', ' or '), capability && `for ${capability}`].filter(
    Boolean,
  )
  return (
    <Empty title={`No task ${what.length > 0 ? `that is ${what.join(' ')}` : 'from here on'}`}>
      <p>
        <Link to="/tasks">Show all tasks</Link>
      </p>
    </Empty>
  )
}

function Pages({ search, next }: { search: TasksSearch; next: string | null }) {
  const { after, ...filter } = search
  if (after === undefined && next === null) return null
  return (
    <nav className={css.pages} aria-label="Pages">
      {after === undefined ? (
        <span />
      ) : (
        <Link to="/tasks" search={filter}>
          ← Newest
        </Link>
      )}
      {next !== null && (
        <Link to="/tasks" search={{ ...filter, after: next }}>
          Older →
        </Link>
      )}
    </nav>
  )
}

/** J and K go from task to task; Enter, which a link has anyway, opens it. */
function useSteps(list: RefObject<HTMLElement | null>) {
  const step = (by: 1 | -1) => {
    const links = [...(list.current?.querySelectorAll<HTMLElement>('a[data-task]') ?? [])]
    const at = links.findIndex((link) => link.isSameNode(document.activeElement))
    const next = links[at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by]
    next?.focus()
    next?.scrollIntoView({ block: 'nearest' })
  }
  useCommands([
    { id: 'next task', group: 'Tasks', title: 'Next task', keys: 'j', keyOnly: true, run: () => step(1) },
    {
      id: 'previous task',
      group: 'Tasks',
      title: 'Previous task',
      keys: 'k',
      keyOnly: true,
      run: () => step(-1),
    },
  ])
}

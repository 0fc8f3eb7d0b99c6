import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useCallback, useEffect, useMemo } from 'react'
import { isTerminal } from '#core/session/states'
import { queries, queryClient } from '../../api/query.ts'
import type { Session, Task } from '../../api/types.ts'
import { KeyCaps } from '../../parts/button.tsx'
import { Failed, Reading } from '../../parts/notice.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { useStore } from '../../parts/store.ts'
import { useCommands } from '../../shell/commands.ts'
import type { SessionFeed } from './feed/feed.ts'
import { useCourse, useFeed } from './feed/use.ts'
import { Controls } from './head/controls.tsx'
import { DiagnosisStrip } from './head/diagnosis.tsx'
import { blockingOf } from './head/path.ts'
import { StateRail } from './head/state-rail.tsx'
import { TitleBlock } from './head/title-block.tsx'
import css from './page.module.css'
import { reads } from './queries.ts'
import { type Panel, panels, type SessionSearch } from './search.ts'
import { Checkpoints } from './side/checkpoints.tsx'
import { Inspector, TaskPart } from './side/inspector.tsx'
import { Steer } from './side/steer.tsx'
import { Telemetry } from './side/telemetry.tsx'
import { roughSpans } from './tree/place.ts'
import { rowsOf } from './tree/rows.ts'
import { Waterfall } from './tree/waterfall.tsx'

// Its part is asked for along with the page's data, and drawn when it is there.
const terminal = import('./log/terminal.tsx')
const Terminal = lazy(async () => ({ default: (await terminal).Terminal }))
const Approvals = lazy(async () => ({ default: (await import('./asks/approvals.tsx')).Approvals }))
const Changes = lazy(() => import('./work/changes.tsx'))
const Context = lazy(() => import('./work/context.tsx'))

const route = getRouteApi('/sessions/$id')
const checkpointsRead = 100

/** One session, whole: the glass box. */
export function SessionPage() {
  const { id } = route.useParams()
  const session = useQuery(queries.session(id))
  // The log is read along with the session, not after it.
  const feed = useFeed(id)
  useEffect(() => begin(id), [id])
  if (session.data) return <Box key={id} session={session.data} feed={feed} />
  return (
    <>
      <PageHead title="Session" />
      {session.isPending && <Reading what="the session" />}
      {session.isError && <Failed what="The session" error={session.error} retry={() => session.refetch()} />}
    </>
  )
}

/** Everything that the page shows is asked for at once, not one behind the other. */
function begin(id: string) {
  void queryClient.prefetchQuery(reads.tasks(id))
  void queryClient.prefetchQuery(reads.approvals(id))
  void queryClient.prefetchQuery(reads.diagnosis(id))
  void queryClient.prefetchQuery(reads.agents())
  void queryClient.prefetchQuery(reads.checkpoints(id, checkpointsRead))
}

function Box({ session, feed }: { session: Session; feed: SessionFeed }) {
  const { id } = session
  const search = route.useSearch()
  const setSearch = useSetSearch()
  const tasks = useQuery(reads.tasks(id)).data
  const approvals = useQuery(reads.approvals(id)).data
  const diagnosis = useQuery(reads.diagnosis(id)).data
  const checkpoints = useQuery(reads.checkpoints(id, checkpointsRead)).data
  const nameOf = useNames()
  const { story, version } = useCourse(feed)
  const isWhole = useStore(feed.progress).state === 'whole'
  const blocking = useMemo(() => blockingOf(diagnosis), [diagnosis])
  const task = tasks?.find((one) => one.id === search.task)
  const choose = useCallback((next: string | undefined) => setSearch({ task: next }), [setSearch])
  useTaskKeys(tasks, search.task, choose)
  const known = isWhole ? story : null
  // What is asked says itself what is waited for, with the ways to answer.
  const isAsked = diagnosis?.waiting?.reason === 'approval' && (approvals?.items.length ?? 0) > 0
  return (
    <div className={css.page}>
      <TitleBlock
        session={session}
        tasks={tasks}
        savedAt={checkpoints?.items[0]?.created_at ?? null}
        nameOf={nameOf}
      >
        <Controls session={session} />
      </TitleBlock>
      <StateRail session={session} states={isWhole ? story.states : []} />
      <div>{diagnosis && !isAsked && <DiagnosisStrip diagnosis={diagnosis} onTask={choose} />}</div>
      <div>
        {approvals && approvals.items.length > 0 && (
          <Suspense fallback={<Reading what="what is asked" />}>
            <Approvals approvals={approvals.items} tasks={tasks} nameOf={nameOf} />
          </Suspense>
        )}
      </div>
      <div className={css.main}>
        <div className={css.work}>
          <div className={css.tree}>
            {tasks ? (
              <Waterfall
                session={session}
                tasks={tasks}
                story={known}
                version={version}
                checkpoints={checkpoints?.items ?? []}
                blocking={blocking}
                nameOf={nameOf}
                selected={search.task}
                onSelect={choose}
              />
            ) : (
              <Reading what="the tasks" />
            )}
          </div>
          <Bottom panel={search.panel ?? 'terminal'} onPanel={(panel) => setSearch({ panel })}>
            {{
              terminal: () => (
                <Terminal
                  id={id}
                  feed={feed}
                  tasks={tasks}
                  search={search}
                  isOver={isTerminal(session.state)}
                  setSearch={setSearch}
                />
              ),
              changes: () => <Changes session={session} />,
              context: () => <Context id={id} task={task} nameOf={nameOf} />,
            }}
          </Bottom>
        </div>
        <Inspector>
          {task && tasks && (
            <TaskPart
              task={task}
              tasks={tasks}
              spans={known?.spans.get(task.id) ?? roughSpans(task)}
              nameOf={nameOf}
              onSelect={choose}
            />
          )}
          <Telemetry session={session} story={known} />
          <Checkpoints session={session} list={checkpoints} tasks={tasks} />
          <Steer session={session} />
        </Inspector>
      </div>
    </div>
  )
}

/** Changes what the address says; what is undefined leaves it. It is no step back: the back key leaves the page. */
function useSetSearch() {
  const navigate = route.useNavigate()
  return useCallback(
    (change: Partial<SessionSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false }),
    [navigate],
  )
}

function useNames() {
  const agents = useQuery(reads.agents()).data
  return useMemo(() => {
    const names = new Map(agents?.items.map(({ id, name }) => [id, name]))
    return (id: string) => names.get(id) ?? `agent …${id.slice(-4)}`
  }, [agents])
}

/** J and K go through the tasks, whatever has the focus. */
function useTaskKeys(
  tasks: readonly Task[] | undefined,
  at: string | undefined,
  choose: (id: string) => void,
) {
  const go = (by: 1 | -1) => {
    const rows = rowsOf(tasks ?? [], new Set())
    const here = rows.findIndex(({ task }) => task.id === at)
    const next = rows[here < 0 ? (by > 0 ? 0 : rows.length - 1) : here + by]
    if (next) choose(next.task.id)
  }
  useCommands([
    { id: 'task next', group: 'Tasks', title: 'Next task', keys: 'j', run: () => go(1) },
    { id: 'task before', group: 'Tasks', title: 'Task before', keys: 'k', run: () => go(-1) },
  ])
}

const titles: Record<Panel, string> = { terminal: 'Terminal', changes: 'Changes', context: 'Context' }

type BottomProps = {
  panel: Panel
  onPanel: (panel: Panel | undefined) => void
  children: Record<Panel, () => ReactNode>
}

function Bottom({ panel, onPanel, children }: BottomProps) {
  const choose = (next: Panel) => onPanel(next === 'terminal' ? undefined : next)
  useCommands(
    panels.map((one, i) => ({
      id: `panel ${one}`,
      group: 'Panels',
      title: titles[one],
      keys: String(i + 1),
      run: () => choose(one),
    })),
  )
  return (
    <section className={css.bottom} aria-label="Panels">
      <div
        className={css.tabs}
        role="tablist"
        aria-label="Panels"
        onKeyDown={(event) => {
          const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
          const next = panels[(panels.indexOf(panel) + by + panels.length) % panels.length]
          if (by === 0 || !next) return
          choose(next)
          document.getElementById(`tab-${next}`)?.focus()
        }}
      >
        {panels.map((one, i) => (
          <button
            key={one}
            id={`tab-${one}`}
            type="button"
            role="tab"
            aria-selected={one === panel}
            aria-controls={one === panel ? `panel-${one}` : undefined}
            tabIndex={one === panel ? 0 : -1}
            onClick={() => choose(one)}
          >
            {titles[one]} <KeyCaps keys={String(i + 1)} />
          </button>
        ))}
      </div>
      <div className={css.panel} role="tabpanel" id={`panel-${panel}`} aria-labelledby={`tab-${panel}`}>
        <Suspense fallback={<Reading what={titles[panel].toLowerCase()} />}>{children[panel]()}</Suspense>
      </div>
    </section>
  )
}

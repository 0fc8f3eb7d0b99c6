import { queryOptions, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { ask } from '../../../api/client.ts'
import { api } from '../../../api/endpoints.ts'
import type { ContextHistory, ContextList, Task } from '../../../api/types.ts'
import { ago, countOf } from '../../../parts/format.ts'
import { Failed, Reading } from '../../../parts/notice.tsx'
import { useNow } from '../../../parts/now.ts'
import { sizeText } from '../side/size.ts'
import css from './context.module.css'

type Entry = ContextList['items'][number]
type Version = ContextHistory['items'][number]
type Scope = 'SESSION' | 'TASK' | 'GLOBAL'

const atOnce = 100

/** Entries of one scope alone, not of the wider ones. */
const entries = (scope: Scope, id: string) =>
  queryOptions({
    queryKey: ['contexts', scope, id],
    queryFn: ({ signal }): Promise<ContextList> =>
      ask(`/contexts/${scope}/${id}`, { query: { resolve: 'false', limit: atOnce }, signal }),
  })

type Props = { id: string; task: Task | undefined; nameOf: (agent_id: string) => string }

/** What the agents tell each other, by scope; each entry opens with its history and what writers disagreed about. */
export default function Context({ id, task, nameOf }: Props) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by the keyboard.
    <section className={css.all} tabIndex={0} aria-label="Context by scope">
      <ScopePart scope="SESSION" id={id} title="This session" nameOf={nameOf} />
      {task ? (
        <ScopePart key={task.id} scope="TASK" id={task.id} title={`Task ${task.key}`} nameOf={nameOf} />
      ) : (
        <section className={css.scope}>
          <h3 className="label">Task</h3>
          <p className={css.none}>Choose a task above to see its own entries.</p>
        </section>
      )}
      <ScopePart scope="GLOBAL" id="-" title="Everywhere" nameOf={nameOf} />
    </section>
  )
}

type ScopeProps = { scope: Scope; id: string; title: string; nameOf: (agent_id: string) => string }

function ScopePart({ scope, id, title, nameOf }: ScopeProps) {
  const list = useQuery(entries(scope, id))
  const items = list.data?.items ?? []
  return (
    <section className={css.scope} aria-label={`Context: ${title}`}>
      <h3 className="label">
        {title} {list.data && countOf(items.length)}
      </h3>
      {list.isPending && <Reading what="entries" />}
      {list.isError && !list.data && (
        <Failed what="The context" error={list.error} retry={() => list.refetch()} />
      )}
      {list.data && items.length === 0 && <p className={css.none}>Nothing is written here.</p>}
      {items.map((entry) => (
        <EntryPart key={entry.key} entry={entry} nameOf={nameOf} />
      ))}
      {list.data?.next_cursor && (
        <p className={css.none}>The first {atOnce} entries are shown; the API lists the others.</p>
      )}
    </section>
  )
}

function EntryPart({ entry, nameOf }: { entry: Entry; nameOf: ScopeProps['nameOf'] }) {
  const now = useNow()
  const [isOpen, setOpen] = useState(false)
  const { key, value, version, author, created_at, size, strategy } = entry
  return (
    <details className={css.entry} open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span>
        <b>{key}</b>
        <span className={css.value}>{JSON.stringify(value)}</span>
        <span className={css.by}>
          v{version} · {authorText(author, nameOf)} · {ago(created_at, now)}
        </span>
      </summary>
      {isOpen && (
        <div className={css.open}>
          <pre>{JSON.stringify(value, null, 2)}</pre>
          <p className={css.by}>
            {sizeText(size)} · of two writers the {strategyWords[strategy]}
          </p>
          <History entry={entry} nameOf={nameOf} />
        </div>
      )}
    </details>
  )
}

const strategyWords: Record<Entry['strategy'], string> = {
  LAST_WRITER: 'last one wins',
  FIRST_WRITER: 'first one wins',
  REJECT: 'second one is refused',
}

function History({ entry, nameOf }: { entry: Entry; nameOf: ScopeProps['nameOf'] }) {
  const { scope, id, key, version } = entry
  const history = useQuery({
    queryKey: ['contexts', scope, id, key, version],
    queryFn: ({ signal }) => api.contextHistory(scope, id, key, { limit: 20 }, { signal }),
  })
  if (history.isError)
    return <Failed what="Its history" error={history.error} retry={() => history.refetch()} />
  return (
    <ol className={css.versions} aria-label="Versions">
      {history.data?.items.map((one) => (
        <VersionPart key={one.version} version={one} nameOf={nameOf} />
      ))}
    </ol>
  )
}

function VersionPart({ version: one, nameOf }: { version: Version; nameOf: ScopeProps['nameOf'] }) {
  const now = useNow()
  const { version, author, created_at, based_on, deleted, conflicts, value } = one
  const isBehind = based_on < version - 1
  return (
    <li>
      <span>
        <b className="mono">v{version}</b>{' '}
        {deleted ? 'deleted' : isBehind ? `merged, based on v${based_on}` : 'written'} by{' '}
        {authorText(author, nameOf)}, {ago(created_at, now)}
        {!deleted && <span className={css.value}> {shortly(value)}</span>}
      </span>
      {conflicts.map(({ pointer, base, theirs, yours }) => (
        <span key={pointer} className={css.conflict}>
          {pointer || 'the whole value'}: was {shortly(base)}, one wrote {shortly(theirs)}, the other{' '}
          {shortly(yours)}
        </span>
      ))}
    </li>
  )
}

function authorText(author: string, nameOf: ScopeProps['nameOf']) {
  return author.startsWith('agt_') ? nameOf(author) : author
}

function shortly(value: unknown) {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value)
  return text.length > 120 ? `${text.slice(0, 119)}…` : text
}

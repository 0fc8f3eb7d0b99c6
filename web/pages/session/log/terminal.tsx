import { useDeferredValue, useEffect, useMemo, useRef } from 'react'
import { sentenceOf } from '../../../api/failure.ts'
import type { Task } from '../../../api/types.ts'
import { KeyCaps } from '../../../parts/button.tsx'
import { countOf } from '../../../parts/format.ts'
import { useStore } from '../../../parts/store.ts'
import { useCommands } from '../../../shell/commands.ts'
import { toast } from '../../../shell/toasts.ts'
import type { SessionFeed } from '../feed/feed.ts'
import { type Line, placeOf, streams } from '../feed/line.ts'
import { useLines } from '../feed/use.ts'
import { lineIn, type SessionSearch, streamsIn } from '../search.ts'
import { Announcer } from './announcer.tsx'
import { LineRow } from './line-row.tsx'
import { Ruler } from './ruler.tsx'
import { saveLog } from './save-log.ts'
import css from './terminal.module.css'
import { rowAt, useTail } from './use-tail.ts'
import { holds, keeps, plainText, View } from './view.ts'
import { rowHeight, windowOf } from './window.ts'

/** Longer lines end with dots; the whole of one is shown when it is chosen. */
const widest = 400
const charWidth = 7.25
const gutter = 290

type Props = {
  id: string
  feed: SessionFeed
  tasks: readonly Task[] | undefined
  search: SessionSearch
  isOver: boolean
  setSearch: (change: Partial<SessionSearch>) => void
}

/** Every line of the session as it comes, on one black slab. */
export function Terminal({ id, feed, tasks, search, isOver, setSearch }: Props) {
  const ring = useLines(feed)
  const progress = useStore(feed.progress)
  const words = useDeferredValue(wordsOf(search.find ?? ''))
  const { view, errors, found, lookFor } = useViews(ring, search, words)
  const linked = lineIn(search)
  const tail = useTail(ring, view, linked === undefined)
  const input = useRef<HTMLInputElement>(null)
  const keyOf = useKeys(feed, tasks)

  useLinked(linked, rowOfLinked(), progress.state === 'whole', tail.show)
  function rowOfLinked() {
    return linked === undefined ? null : rowAt(ring, view, linked)
  }

  const { from, to } = windowOf({ top: tail.top, height: tail.height }, view.length)
  const middle = () =>
    view.indexAt(Math.min(view.length - 1, Math.floor((tail.top + tail.height / 2) / rowHeight)))
  const choose = (place: number | string | undefined) => setSearch({ line: place })
  /** To the next line of some, seen from the chosen one or the middle of the box. */
  const jump = (among: View, by: 1 | -1) => {
    if (among.length === 0) return
    const here = linked ? ring.find(linked) : middle()
    const at = among.rowOf(here)
    const next = by < 0 ? at - 1 : among.indexAt(at) === here ? at + 1 : at
    const line = among.at((next + among.length) % among.length)
    if (line) choose(placeOf(line))
  }
  useCommands([
    { id: 'log follow', group: 'Terminal', title: 'Follow', keys: 'f', run: () => tail.toggle() },
    { id: 'log find', group: 'Terminal', title: 'Search', keys: '/', run: () => input.current?.select() },
    {
      id: 'log error next',
      group: 'Terminal',
      title: 'Next error',
      keys: ']',
      disabled: errors.length === 0 ? 'There is no error.' : undefined,
      run: () => jump(errors, 1),
    },
    {
      id: 'log error before',
      group: 'Terminal',
      title: 'Error before',
      keys: '[',
      disabled: errors.length === 0 ? 'There is no error.' : undefined,
      run: () => jump(errors, -1),
    },
  ])

  const on = linked && ring.at(ring.find(linked))
  const chosen = on && linked && on.seq === linked.seq && on.nth === linked.nth ? on : undefined
  const rows = Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i)
  const width = gutter + Math.min(widest, ring.longest + 4) * charWidth
  return (
    <section className={css.slab} aria-label="Terminal">
      <div className={css.bar}>
        <Chips tasks={tasks} search={search} setSearch={setSearch} errors={errors.length} />
        <search className={css.find}>
          <input
            ref={input}
            type="search"
            aria-label="Search the lines"
            placeholder={`Search ${countOf(view.length)} lines`}
            value={search.find ?? ''}
            onChange={({ target }) => setSearch({ find: target.value || undefined })}
            onKeyDown={(event) => {
              if (event.key === 'Escape') {
                setSearch({ find: undefined })
                input.current?.blur()
              }
              // What is drawn may still be of fewer letters.
              const typed = wordsOf(event.currentTarget.value)
              if (event.key === 'Enter' && typed !== '') jump(lookFor(typed), event.shiftKey ? -1 : 1)
            }}
          />
          {found ? (
            <Hits found={found} index={chosen && linked ? ring.find(linked) : null} />
          ) : (
            <KeyCaps keys="/" />
          )}
        </search>
        <button type="button" className={css.follow} aria-pressed={tail.following} onClick={tail.toggle}>
          <span>{tail.following ? (isOver ? 'At the end' : 'Following') : 'Paused'}</span>
          <KeyCaps keys="f" />
        </button>
      </div>
      <div className={css.view}>
        <div
          ref={tail.box}
          className={css.box}
          onScroll={tail.onScroll}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by the keyboard.
          tabIndex={0}
          role="log"
          aria-live="off"
          aria-label="Lines"
        >
          <div
            className={css.all}
            style={{ height: view.length * rowHeight, width: `max(100%, ${width}px)` }}
          >
            {rows.map((row) => {
              const line = view.at(row)
              return (
                line && (
                  <LineRow
                    key={view.indexAt(row)}
                    line={line}
                    row={row}
                    taskKey={line.task_id === null ? '' : keyOf(line.task_id)}
                    isOn={line === chosen}
                    found={words}
                    onPlace={choose}
                  />
                )
              )
            })}
          </div>
        </div>
        {view.length === 0 && <p className={css.empty}>{emptyText(progress.state, ring.length, isOver)}</p>}
        <Ruler view={view} errors={errors} found={found} />
        {progress.state === 'tail' && (
          <p className={css.reading} role="status">
            {progress.trouble ??
              `Reading what was before: ${Math.floor((100 * progress.read) / progress.of)} %`}
          </p>
        )}
        {progress.state === 'reading' && progress.trouble && (
          <p className={css.reading} role="alert">
            {progress.trouble}
          </p>
        )}
        {ring.first > 0 && from === 0 && progress.state === 'whole' && (
          <p className={css.reading}>
            {countOf(ring.first)} older lines are not kept here:{' '}
            <button type="button" className={css.link} onClick={() => void save(id)}>
              save the log as text
            </button>{' '}
            to have them.
          </p>
        )}
        {tail.missed > 0 && (
          <button type="button" className={css.unseen} onClick={tail.resume}>
            ↓ {countOf(tail.missed)} new {tail.missed === 1 ? 'line' : 'lines'}
          </button>
        )}
        <Announcer total={view.total} errors={errors.total} />
      </div>
      {chosen && <Detail line={chosen} onClose={() => choose(undefined)} />}
      {linked && !chosen && progress.state === 'whole' && (
        <div className={css.detail}>
          <pre>
            {linked.seq <= feed.seq
              ? `Line ${placeOf(linked)} is not kept here, or shows elsewhere on the page.`
              : `Line ${placeOf(linked)} has not come yet.`}
          </pre>
          <div>
            <button type="button" onClick={() => choose(undefined)}>
              Dismiss
            </button>
          </div>
        </div>
      )}
    </section>
  )
}

/** What is looked for, whatever its case. */
const wordsOf = (typed: string) => typed.trim().toLowerCase()

/** The lines that are shown, those of them that are errors, and those that hold what is looked for. */
function useViews(ring: ReturnType<typeof useLines>, search: SessionSearch, words: string) {
  const { task, only, errors: isErrors, streams: some } = search
  const views = useMemo(() => {
    const filter = {
      task: only === 'task' ? (task ?? null) : null,
      streams: streamsIn({ streams: some }),
      errors: isErrors === 'yes',
    }
    const isAll = filter.task === null && filter.streams.size === 0 && !filter.errors
    const look = (of: string) => new View(ring, (line) => keeps(filter, line) && holds(of, line))
    return {
      view: new View(ring, isAll ? null : (line) => keeps(filter, line)),
      errors: new View(ring, (line) => line.isError && keeps({ ...filter, errors: false }, line)),
      found: words === '' ? null : look(words),
      lookFor: (typed: string) => look(typed).sync(),
    }
  }, [ring, task, only, isErrors, some, words])
  views.view.sync()
  views.errors.sync()
  views.found?.sync()
  return views
}

/** Shows a line that the address names, once for each that it names, as soon as it is there. */
function useLinked(
  linked: { seq: number; nth: number } | undefined,
  row: number | null,
  isWhole: boolean,
  show: (row: number) => void,
) {
  const shown = useRef('')
  const name = linked ? `${linked.seq}-${linked.nth}` : ''
  useEffect(() => {
    if (shown.current === name || row === null) return
    // The end alone has other rows: it is shown again when the rest has come.
    show(row)
    if (isWhole) shown.current = name
  })
  useEffect(() => {
    if (name === '') shown.current = ''
  }, [name])
}

function useKeys(feed: SessionFeed, tasks: readonly Task[] | undefined) {
  const keys = useMemo(() => new Map(tasks?.map(({ id, key }) => [id, key])), [tasks])
  return (id: string) => keys.get(id) ?? feed.picture.story.keys.get(id) ?? id.slice(-6)
}

function Hits({ found, index }: { found: View; index: number | null }) {
  const at = index === null ? -1 : found.rowOf(index)
  const isOn = index !== null && found.indexAt(at) === index
  return (
    <span className={css.hits} role="status">
      {isOn ? `${countOf(at + 1)} of ` : ''}
      {countOf(found.length)} {isOn ? '' : 'found'}
    </span>
  )
}

type ChipsProps = Pick<Props, 'tasks' | 'search' | 'setSearch'> & { errors: number }

function Chips({ tasks, search, setSearch, errors }: ChipsProps) {
  const task = tasks?.find(({ id }) => id === search.task)
  const on = streamsIn(search)
  const toggle = (stream: Line['stream']) => {
    const next = new Set(on)
    if (!next.delete(stream)) next.add(stream)
    setSearch({ streams: streams.filter((one) => next.has(one)).join(',') || undefined })
  }
  return (
    <div className={css.chips} role="toolbar" aria-label="Show">
      <button
        type="button"
        aria-pressed={search.only !== 'task'}
        onClick={() => setSearch({ only: undefined })}
      >
        All tasks
      </button>
      {task && (
        <button
          type="button"
          aria-pressed={search.only === 'task'}
          onClick={() => setSearch({ only: 'task' })}
        >
          {task.key}
        </button>
      )}
      <span />
      {streams.map((stream) => (
        <button key={stream} type="button" aria-pressed={on.has(stream)} onClick={() => toggle(stream)}>
          {stream}
        </button>
      ))}
      <span />
      <button
        type="button"
        aria-pressed={search.errors === 'yes'}
        onClick={() => setSearch({ errors: search.errors === 'yes' ? undefined : 'yes' })}
      >
        Errors <b>{countOf(errors)}</b>
      </button>
    </div>
  )
}

/** One line whole, and its address. */
function Detail({ line, onClose }: { line: Line; onClose: () => void }) {
  const copy = async (text: string, what: string) => {
    try {
      await navigator.clipboard.writeText(text)
      toast('done', `${what} is copied.`)
    } catch {
      toast('failed', `${what} could not be copied: the browser does not allow it here.`)
    }
  }
  return (
    <div className={css.detail}>
      <pre>{plainText(line.text)}</pre>
      <div>
        <button type="button" onClick={() => copy(location.href, 'The link')}>
          Copy link
        </button>
        <button type="button" onClick={() => copy(plainText(line.text), 'The line')}>
          Copy line
        </button>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </div>
  )
}

/** The lines that are not kept here, from the API. */
async function save(id: string) {
  await saveLog(id).catch((error: unknown) => toast('failed', `The log was not saved. ${sentenceOf(error)}`))
}

function emptyText(state: 'reading' | 'tail' | 'whole', lines: number, isOver: boolean) {
  if (state === 'reading') return 'Reading the log…'
  if (lines > 0) return 'No line fits this filter.'
  return isOver ? 'Nothing was logged.' : 'Nothing yet: lines come here as the agents think, run and write.'
}

import { type KeyboardEvent, memo, useMemo, useRef, useState } from 'react'
import type { Checkpoint, Session, Task } from '../../../api/types.ts'
import { span, words } from '../../../parts/format.ts'
import { useNow } from '../../../parts/now.ts'
import { StateMark } from '../../../parts/state-mark.tsx'
import type { Span, Story } from '../feed/story.ts'
import { noteOf } from './note.ts'
import {
  type Axis,
  apartOn,
  axisOf,
  isRoom,
  placeOf,
  ratioOf,
  roughSpans,
  ticksOf,
  tickText,
  workedMs,
} from './place.ts'
import { moveIn, type Row, rowsOf } from './rows.ts'
import css from './waterfall.module.css'

const mostTicks = 8
const percent = (ratio: number) => `${(ratio * 100).toFixed(3)}%`

type Props = {
  session: Session
  tasks: readonly Task[]
  /** Null while the history is being read: then the records alone are drawn. */
  story: Story | null
  version: number
  checkpoints: readonly Checkpoint[]
  blocking: ReadonlyMap<string, string | null>
  nameOf: (agent_id: string) => string
  selected: string | undefined
  onSelect: (id: string) => void
}

/** The tree of tasks and their course over time in one grid: a row is a row in both. */
export function Waterfall({
  session,
  tasks,
  story,
  checkpoints,
  blocking,
  nameOf,
  selected,
  onSelect,
}: Props) {
  const clock = useNow()
  const now = session.ended_at === null ? clock : Date.parse(session.ended_at)
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const body = useRef<HTMLDivElement>(null)
  const rows = useMemo(() => rowsOf(tasks, closed), [tasks, closed])
  const start = session.started_at ?? session.queued_at ?? session.created_at
  const from = Math.min(Date.parse(start), ...tasks.map((task) => Date.parse(task.started_at ?? start)))
  const axis = axisOf(from, now, session.ended_at !== null)
  const saved = useMemo(() => byTask(checkpoints), [checkpoints])

  const fold = (id: string, isClosed: boolean) => {
    const next = new Set(closed)
    if (isClosed) next.add(id)
    else next.delete(id)
    setClosed(next)
  }
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const at = event.target instanceof HTMLElement ? event.target.dataset.task : undefined
    const move = moveIn(rows, at, event.key)
    if (move === null) return
    event.preventDefault()
    if (move.open) fold(move.open, false)
    if (move.close) fold(move.close, true)
    if (!move.to) return
    onSelect(move.to)
    body.current?.querySelector<HTMLElement>(`[data-task="${move.to}"]`)?.focus()
  }
  // One row is in the order of the tab key; the arrows reach the others.
  const entry = rows.some(({ task }) => task.id === selected) ? selected : rows[0]?.task.id
  return (
    <section className={css.box} aria-label="Tasks over time">
      <div className={css.head}>
        <Legend count={tasks.length} />
        <div className={css.axis} aria-hidden="true">
          {labelled(axis, session.ended_at === null ? now : null).map((tick) => (
            <span key={tick} className="mono" style={{ left: percent(ratioOf(axis, axis.from + tick)) }}>
              {tickText(tick)}
            </span>
          ))}
          {session.ended_at === null && (
            <b className={css.clock} style={{ left: percent(ratioOf(axis, now)) }}>
              {tickText(Math.max(0, now - axis.from))}
            </b>
          )}
        </div>
      </div>
      <div className={css.scroll}>
        <div className={css.body}>
          <Lines axis={axis} now={now} />
          {rows.length === 0 ? (
            <p className={css.none}>
              {session.state === 'PENDING'
                ? 'No tasks yet: start it, and the Architect plans them.'
                : 'No tasks yet.'}
            </p>
          ) : (
            <div role="treegrid" aria-label="Tasks" ref={body} onKeyDown={onKey}>
              {rows.map((row) => (
                <TaskRow
                  key={row.task.id}
                  row={row}
                  spans={story?.spans.get(row.task.id) ?? roughSpans(row.task)}
                  saved={saved.get(row.task.id) ?? none}
                  axis={axis}
                  now={now}
                  blocking={blocking.get(row.task.id)}
                  tasks={tasks}
                  agent={row.task.agent_id === null ? null : nameOf(row.task.agent_id)}
                  isSelected={row.task.id === selected}
                  isEntry={row.task.id === entry}
                  onSelect={onSelect}
                  onFold={fold}
                />
              ))}
            </div>
          )}
        </div>
      </div>
    </section>
  )
}

/** So much of the axis the label of now covers, to either side of its place. */
const besideNow = 0.06

/** The ticks that have room for their time. */
function labelled(axis: Axis, now: number | null) {
  const at = now === null ? Number.POSITIVE_INFINITY : ratioOf(axis, now)
  return ticksOf(axis, mostTicks).filter((tick) => Math.abs(ratioOf(axis, axis.from + tick) - at) > besideNow)
}

const none: readonly Checkpoint[] = []

function byTask(checkpoints: readonly Checkpoint[]) {
  const found = new Map<string, Checkpoint[]>()
  for (const one of checkpoints)
    if (one.task_id !== null) found.set(one.task_id, [...(found.get(one.task_id) ?? []), one])
  return found
}

function Legend({ count }: { count: number }) {
  return (
    <div className={css.legend}>
      <h2 className="label">Tasks {count}</h2>
      <span>
        <i data-kind="waited" aria-hidden="true" />
        waited
      </span>
      <span>
        <i aria-hidden="true" />
        ran
      </span>
      <span>
        <i data-kind="ran" aria-hidden="true" />
        running
      </span>
      <span>
        <i data-kind="failed" aria-hidden="true" />
        failed
      </span>
      <span>
        <i data-kind="saved" aria-hidden="true" />
        checkpoint
      </span>
    </div>
  )
}

function Lines({ axis, now }: { axis: Axis; now: number }) {
  return (
    <div className={css.lines} aria-hidden="true">
      {ticksOf(axis, mostTicks).map((tick) => (
        <i key={tick} style={{ left: percent(ratioOf(axis, axis.from + tick)) }} />
      ))}
      <i className={css.now} style={{ left: percent(ratioOf(axis, now)) }} />
    </div>
  )
}

type RowProps = {
  row: Row
  spans: readonly Span[]
  saved: readonly Checkpoint[]
  axis: Axis
  now: number
  blocking: string | null | undefined
  tasks: readonly Task[]
  agent: string | null
  isSelected: boolean
  isEntry: boolean
  onSelect: (id: string) => void
  onFold: (id: string, isClosed: boolean) => void
}

const TaskRow = memo(function TaskRow({
  row,
  spans,
  saved,
  axis,
  now,
  blocking,
  tasks,
  agent,
  isSelected,
  isEntry,
  onSelect,
  onFold,
}: RowProps) {
  const { task, depth, hasChildren, isOpen, place, of } = row
  const worked = workedMs(spans, now)
  const tries = Math.max(task.attempt, 0)
  const isQuiet = task.state === 'BLOCKED' || task.state === 'READY' || task.state === 'CANCELLED'
  const note = noteOf(task, spans, tasks, blocking)
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the treegrid hears the keys of its rows.
    // biome-ignore lint/a11y/useSemanticElements: the rows of a treegrid with a timeline are no table's.
    <div
      role="row"
      className={css.row}
      data-task={task.id}
      data-quiet={isQuiet}
      data-blocking={blocking !== undefined}
      tabIndex={isEntry ? 0 : -1}
      aria-level={depth + 1}
      aria-posinset={place}
      aria-setsize={of}
      aria-selected={isSelected}
      aria-expanded={hasChildren ? isOpen : undefined}
      onClick={() => onSelect(task.id)}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: as its row. */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: its row has the focus. */}
      <div role="rowheader" className={css.name} style={{ ['--depth' as string]: depth }}>
        {hasChildren && (
          <button
            type="button"
            tabIndex={-1}
            className={css.fold}
            aria-label={isOpen ? 'Close' : 'Open'}
            onClick={(event) => {
              event.stopPropagation()
              onFold(task.id, isOpen)
            }}
          >
            {isOpen ? '▾' : '▸'}
          </button>
        )}
        <StateMark state={task.state} />
        <span className="sr">{words(task.state)}: </span>
        <span className={css.text} title={`${task.key}: ${task.title}`}>
          {task.title}
        </span>
        {tries > 1 && (
          <span className={css.tries}>
            <span aria-hidden="true">×{tries}</span>
            <span className="sr">{tries} attempts</span>
          </span>
        )}
        <span className={`${css.agent} mono`}>{agent ?? (isQuiet ? task.capability.toLowerCase() : '')}</span>
        <span className={`${css.took} mono`}>{worked === null ? '—' : span(worked)}</span>
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as its row. */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: its row has the focus. */}
      <div role="gridcell" className={css.track}>
        {spans.map((one) => (
          <Bar key={`${one.kind} ${one.from}`} span={one} axis={axis} now={now} />
        ))}
        {apartOn(
          axis,
          saved.map(({ created_at }) => Date.parse(created_at)),
        ).map((time) => (
          <i
            key={time}
            className={css.saved}
            aria-hidden="true"
            style={{ left: percent(ratioOf(axis, time)) }}
          />
        ))}
        {note && <Note note={note} axis={axis} end={endOf(spans, now)} now={now} />}
      </div>
    </div>
  )
})

function Bar({ span: one, axis, now }: { span: Span; axis: Axis; now: number }) {
  const { left, width } = placeOf(axis, one, now)
  return (
    <i
      className={css.bar}
      aria-hidden="true"
      data-kind={one.kind}
      data-live={one.to === null}
      title={one.note ?? undefined}
      style={{ left: percent(left), width: percent(width) }}
    />
  )
}

function endOf(spans: readonly Span[], now: number) {
  const last = spans.at(-1)
  return last ? (last.to ?? now) : now
}

/** Beyond this place words would be cut short behind a bar; before one they take so much of the track at most. */
const crowded = 0.72
const maxNote = 0.46

/** Behind the bar, or where there is no room left, before it. */
function Note({
  note,
  axis,
  end,
  now,
}: {
  note: NonNullable<ReturnType<typeof noteOf>>
  axis: Axis
  end: number
  now: number
}) {
  const at = ratioOf(axis, note.tone === 'bad' ? end : Math.max(end, now))
  const hasRoom = note.tone === 'bad' ? at < crowded : note.tone === 'plain' || isRoom(note.text, at)
  const side = hasRoom ? 'after' : 'before'
  return (
    <span
      className={css.note}
      data-tone={note.tone}
      data-side={side}
      style={{ left: percent(at), maxWidth: percent(hasRoom ? 1 - at : maxNote) }}
      title={note.text}
    >
      {note.text}
    </span>
  )
}

import { Link } from '@tanstack/react-router'
import type { CapabilityLoad, TaskTree } from '../../api/types.ts'
import { countOf, sentenceCase, span, words } from '../../parts/format.ts'
import { useNow } from '../../parts/now.ts'
import { StateMark } from '../../parts/state-mark.tsx'
import { type Placed, placeTasks, standingOf, timesOf, troubleOf } from './standing.ts'
import css from './tree.module.css'

type Props = { tree: TaskTree; loads: CapabilityLoad[] | undefined }

/** One session and its tasks: what each waits for, who has it, and what went wrong on the way. */
export function Tree({ tree, loads }: Props) {
  const { session, tasks, total } = tree
  const placed = placeTasks(tasks)
  const done = tasks.filter(({ state }) => state === 'COMPLETED').length
  const count =
    total > tasks.length ? `the first ${tasks.length} of ${countOf(total)}` : `${done} of ${total} done`
  return (
    <section className={css.tree} aria-label={session.title}>
      <header className={css.head}>
        <StateMark state={session.state} />
        <h2>
          <Link to="/sessions/$id" params={{ id: session.id }}>
            {session.title}
          </Link>
        </h2>
        {session.rehearsal && <span className={css.tag}>rehearsal</span>}
        <p>
          {sentenceCase(session.state)} · {words(session.priority)} priority · {count}
        </p>
      </header>
      <table className={css.tasks}>
        <colgroup>
          <col className={css.wide} />
          <col />
          <col className={css.named} />
          <col className={css.timed} />
          <col className={css.timed} />
        </colgroup>
        <thead className="sr">
          <tr>
            <th scope="col">Task</th>
            <th scope="col">Where it stands</th>
            <th scope="col">Capability</th>
            <th scope="col">Waited for an agent</th>
            <th scope="col">Worked on</th>
          </tr>
        </thead>
        <tbody>
          {placed.map((task) => (
            <Row key={task.id} task={task} tree={tree} loads={loads} />
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** Deeper than this the indentation stops growing; the model has no more. */
const deepest = 5

function Row({ task, tree, loads }: Props & { task: Placed }) {
  const { id, title, state, capability, depth, holds, matches } = task
  const { sentence, kind } = standingOf(task, tree, loads)
  const trouble = troubleOf(task)
  return (
    <tr data-matches={matches} data-state={state}>
      <th scope="row">
        <span className={css.name} data-depth={Math.min(depth, deepest)}>
          <StateMark state={state} said />
          <Link to="/sessions/$id" params={{ id: tree.session.id }} search={{ task: id }} data-task>
            {title}
          </Link>
          {holds > 0 && state !== 'BLOCKED' && (
            <span className={css.holds}>{holds === 1 ? 'holds up 1' : `holds up ${holds}`}</span>
          )}
        </span>
      </th>
      <td className={css.standing} data-kind={kind}>
        <span title={sentence}>{sentence}</span>
        {trouble && <span className={css.trouble}>{trouble}</span>}
      </td>
      <td className={css.capability}>{capability}</td>
      <Times task={task} />
    </tr>
  )
}

function Times({ task }: { task: Placed }) {
  const now = useNow()
  const { waited, worked } = timesOf(task, now)
  return (
    <>
      <td className={css.time} data-form="waited" title="Waited for an agent">
        {waited !== null && (
          <>
            <i aria-hidden="true" />
            {span(waited)}
          </>
        )}
      </td>
      <td className={css.time} data-form={task.state === 'RUNNING' ? 'running' : 'ran'} title="Worked on">
        {worked !== null && (
          <>
            <i aria-hidden="true" />
            {span(worked)}
          </>
        )}
      </td>
    </>
  )
}

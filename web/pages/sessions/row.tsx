import { Link } from '@tanstack/react-router'
import { isTerminal } from '#core/session/states'
import type { Session } from '../../api/types.ts'
import { type OperatorAction, operatorActions } from '../../parts/actions.ts'
import { ago, compact, repositoryName, sentenceCase, span, usd } from '../../parts/format.ts'
import { useNow } from '../../parts/now.ts'
import { Progress } from '../../parts/progress.tsx'
import { StateMark } from '../../parts/state-mark.tsx'
import css from './table.module.css'

const titles: Record<OperatorAction, string> = {
  start: 'Start',
  pause: 'Pause',
  resume: 'Resume',
  retry: 'Retry',
  stop: 'Stop…',
}

type Props = { session: Session; onAction: (action: OperatorAction) => void }

/** One session in a line: what it is, how far, how long, how much, and what can be done. */
export function SessionRow({ session, onAction }: Props) {
  const { id, title, state, priority, tasks, usage, rehearsal } = session
  const tokens = usage.input_tokens + usage.output_tokens + usage.reasoning_tokens
  const note = noteOf(session)
  return (
    <tr className={css.row} data-state={state}>
      <td className={css.state}>
        <StateMark state={state} />
        <span>{sentenceCase(state)}</span>
      </td>
      <th scope="row" className={css.name}>
        <Link to="/sessions/$id" params={{ id }} data-row-link>
          {title}
        </Link>
        <p className={css.about}>
          {session.waiting?.reason === 'approval' && <b className={css.needs}>Needs a person</b>}
          {rehearsal && <b className={css.tag}>Rehearsal</b>}
          {note ? <span data-alarm={state === 'FAILED'}>{note}</span> : <About session={session} />}
        </p>
      </th>
      <td className={css.priority} data-priority={priority}>
        {sentenceCase(priority)}
      </td>
      <td className={css.tasks}>
        <Progress tasks={tasks} ended={isTerminal(state)} />
      </td>
      <td className={css.time}>
        <Time session={session} />
      </td>
      <td className={css.figure}>{tokens === 0 ? <None /> : compact(tokens)}</td>
      <td className={css.figure}>{tokens === 0 ? <None /> : usd(usage.cost_usd)}</td>
      <td className={css.actions}>
        {operatorActions
          .filter((action) => session.actions.includes(action))
          .map((action) => (
            <button key={action} type="button" data-action={action} onClick={() => onAction(action)}>
              {titles[action]} <span className="sr">{title}</span>
            </button>
          ))}
      </td>
    </tr>
  )
}

/** Why it does not move, or why it ended: the one thing to read before all else. */
function noteOf({ state, waiting, failure }: Session) {
  if (state === 'FAILED' && failure) return failure.message
  return waiting && state !== 'PENDING' ? waiting.sentence : null
}

function About({ session: { id, repository, labels, result, parent } }: { session: Session }) {
  return (
    <>
      <span className="mono">{repository ? repositoryName(repository.url) : id.slice(0, 14)}</span>
      {result?.branch && <span className="mono">{result.branch}</span>}
      {result?.diff && (
        <span className="mono">
          +{result.diff.insertions} −{result.diff.deletions}
        </span>
      )}
      {parent && <span>fork of checkpoint {parent.checkpoint}</span>}
      {labels.slice(0, 4).map((label) => (
        <span key={label} className={css.labelTag}>
          {label}
        </span>
      ))}
      {labels.length > 4 && <span>+{labels.length - 4}</span>}
    </>
  )
}

function None() {
  return (
    <>
      <span aria-hidden="true">—</span>
      <span className="sr">none reported</span>
    </>
  )
}

/** How long it ran or runs, and when. */
function Time({ session: { started_at, ended_at, created_at, queued_at } }: { session: Session }) {
  const now = useNow()
  const ran = started_at && span(Date.parse(ended_at ?? new Date(now).toISOString()) - Date.parse(started_at))
  const [verb, at] = ended_at
    ? ['ended', ended_at]
    : started_at
      ? ['started', started_at]
      : queued_at
        ? ['queued', queued_at]
        : ['created', created_at]
  return (
    <>
      <b>{ran ?? '—'}</b>
      <time dateTime={at} title={new Date(at).toLocaleString()}>
        {verb} {ago(at, now)}
      </time>
    </>
  )
}

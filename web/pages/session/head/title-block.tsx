import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Session, Task } from '../../../api/types.ts'
import {
  ago,
  clockTime,
  compact,
  countOf,
  notKnown,
  repositoryName,
  span,
  usd,
  words,
} from '../../../parts/format.ts'
import { useNow } from '../../../parts/now.ts'
import { useTitle } from '../../../parts/title.ts'
import { countedTokens } from '../side/telemetry.ts'
import css from './title-block.module.css'

type Props = {
  session: Session
  tasks: readonly Task[] | undefined
  /** When the last checkpoint was made. */
  savedAt: string | null
  nameOf: (agent_id: string) => string
  children: ReactNode
}

/** The drawing's title block: what this is, and the facts that an operator reads first. */
export function TitleBlock({ session, tasks, savedAt, nameOf, children }: Props) {
  useTitle(session.title)
  const { id, title, priority, rehearsal, parent, labels } = session
  return (
    <section className={css.block} aria-label="Session">
      <div className={css.title}>
        <div className={css.crumb}>
          <Link to="/sessions">Sessions</Link>
          <span aria-hidden="true">/</span>
          <span className="mono">{id}</span>
          {rehearsal && (
            <span
              className={css.tag}
              data-kind="rehearsal"
              title="A script plays the model: it proves the plant, not the intelligence."
            >
              REHEARSAL
            </span>
          )}
          <span className={css.tag}>{priority}</span>
          {labels.map((label) => (
            <span key={label} className={css.tag}>
              {label}
            </span>
          ))}
          {parent && (
            <span>
              forked from{' '}
              <Link to="/sessions/$id" params={{ id: parent.session_id }}>
                checkpoint {parent.checkpoint}
              </Link>
            </span>
          )}
        </div>
        <h1 tabIndex={-1} title={title}>
          {title}
        </h1>
      </div>
      <Facts session={session} tasks={tasks} savedAt={savedAt} nameOf={nameOf} />
      <div className={css.actions}>{children}</div>
    </section>
  )
}

function Facts({ session, tasks, savedAt, nameOf }: Omit<Props, 'children'>) {
  const now = useNow()
  const { repository, result, started_at, ended_at, checkpoint_number, usage, version } = session
  const working = (tasks ?? []).flatMap(({ agent_id, state }) =>
    agent_id !== null && isWorking(state) ? [nameOf(agent_id)] : [],
  )
  const agents = [...new Set(working)]
  const tokens = countedTokens(usage)
  const facts: [name: string, value: string, more: string][] = [
    ['Agents', agentsText(tasks, agents), agents.length > 1 ? agents.slice(1).join(', ') : workText(session)],
    [
      'Branch',
      result?.branch ?? repository?.base ?? (repository ? 'default' : 'none'),
      repositoryText(session),
    ],
    [
      'Elapsed',
      started_at === null
        ? 'not begun'
        : span((ended_at ? Date.parse(ended_at) : now) - Date.parse(started_at)),
      started_at === null ? `created ${ago(session.created_at, now)}` : `since ${clockTime(started_at)}`,
    ],
    ['Step', `${session.tasks.completed} / ${session.tasks.total}`, `version ${version}`],
    [
      'Checkpoint',
      checkpoint_number === 0 ? 'none yet' : `#${checkpoint_number}`,
      savedAt === null ? 'time not known' : ago(savedAt, now),
    ],
    ['Spend', usd(usage.cost_usd), `${tokens > 99_999 ? compact(tokens) : countOf(tokens)} tokens`],
  ]
  return (
    <dl className={css.facts}>
      {facts.map(([name, value, more]) => (
        <div key={name}>
          <dt className="label">{name}</dt>
          <dd className="mono" title={value}>
            {value}
          </dd>
          <dd title={more}>{more}</dd>
        </div>
      ))}
    </dl>
  )
}

function isWorking(state: Task['state']) {
  return state === 'RUNNING' || state === 'ASSIGNED' || state === 'AWAITING_INPUT'
}

function agentsText(tasks: readonly Task[] | undefined, agents: readonly string[]) {
  const [first] = agents
  if (first === undefined) return tasks === undefined ? notKnown : 'nobody now'
  return agents.length === 1 ? first : `${first} +${agents.length - 1}`
}

function workText({ tasks, state }: Session) {
  return tasks.running > 0 ? `${countOf(tasks.running)} running` : words(state)
}

function repositoryText({ repository, result }: Session) {
  if (repository === null) return 'no repository'
  const from = result?.branch ? '' : repository.base === null ? ' · its own branch' : ''
  return `${repositoryName(repository.url)}${from}`
}

import { Link } from '@tanstack/react-router'
import { transitions } from '#core/agent/states'
import type { Agent, Task } from '../../api/types.ts'
import { ago, compact, countOf, percent, sentenceCase, words } from '../../parts/format.ts'
import { useNow } from '../../parts/now.ts'
import { StateMark } from '../../parts/state-mark.tsx'
import { tierFigures } from './coverage.ts'
import { Gauge } from './gauge.tsx'
import css from './table.module.css'

const mostTasks = 4
const tierRule =
  'Of the last 50 finished attempts: ELITE from 95 % over 20 or more, PROBATION below 70 % over 5 or more'

export type AgentAction = 'drain' | 'remove'
type Props = {
  agent: Agent
  tasks: readonly Task[]
  tasksComplete: boolean
  onAction: (action: AgentAction) => void
}

/** One agent: how loaded, how good, what it does now. */
export function AgentRow({ agent, tasks, tasksComplete, onAction }: Props) {
  const { name, state, engine, capabilities, labels } = agent
  const drainFrom: readonly string[] = transitions.drain.from
  const whyNot = drainFrom.includes(state)
    ? undefined
    : `only while ${drainFrom.join(' or ')}; it is ${state}`
  return (
    <tr className={css.row} data-state={state}>
      <th scope="row" className={css.name}>
        <p className={css.title}>
          <StateMark state={state} />
          <b>{name}</b>
          <span>{sentenceCase(state)}</span>
          {engine.rehearsal && <b className={css.tag}>Rehearsal</b>}
        </p>
        <p className={css.engine}>
          {engine.name} {engine.version}
          {engine.model && ` · ${engine.model}`}
        </p>
        <p className={css.words}>
          {capabilities.map((capability) => (
            <span key={capability}>{capability}</span>
          ))}
          {labels.map((label) => (
            <span key={label} data-label>
              {label}
            </span>
          ))}
        </p>
      </th>
      <td className={css.load}>
        <Gauge agent={agent} />
      </td>
      <td className={css.tier}>
        <Tier agent={agent} />
      </td>
      <td className={css.now}>
        <Now agent={agent} tasks={tasks} complete={tasksComplete} />
      </td>
      <td className={css.beat}>
        <Heartbeat at={agent.last_heartbeat_at} />
      </td>
      <td className={css.tokens}>
        <Tokens agent={agent} tasks={tasks} />
      </td>
      <td className={css.actions}>
        <button
          type="button"
          aria-disabled={whyNot !== undefined}
          title={whyNot}
          onClick={() => whyNot === undefined && onAction('drain')}
        >
          Drain… <span className="sr">{`${name}${whyNot ? ` (${whyNot})` : ''}`}</span>
        </button>
        <button type="button" data-action="remove" onClick={() => onAction('remove')}>
          Remove… <span className="sr">{name}</span>
        </button>
      </td>
    </tr>
  )
}

function Tier({ agent }: { agent: Agent }) {
  const figures = tierFigures(agent)
  return (
    <span title={tierRule}>
      <b data-tier={agent.tier}>{agent.tier}</b>
      <small>
        {figures
          ? `${figures.succeeded} of ${figures.counted} succeeded, ${percent(agent.success_rate)}`
          : 'no attempt finished yet'}
      </small>
    </span>
  )
}

function Now({ agent, tasks, complete }: { agent: Agent; tasks: readonly Task[]; complete: boolean }) {
  if (agent.active === 0 && tasks.length === 0) return <span className={css.quiet}>{idleWord(agent)}</span>
  if (tasks.length === 0)
    return <span className={css.quiet}>{complete ? 'changing over' : `holds ${countOf(agent.active)}`}</span>
  return (
    <ul>
      {tasks.slice(0, mostTasks).map(({ id, session_id, title, state }) => (
        <li key={id}>
          <StateMark state={state} />
          <Link to="/sessions/$id" params={{ id: session_id }} search={{ task: id }}>
            {title}
          </Link>
          {state !== 'RUNNING' && <span className={css.quiet}>{words(state)}</span>}
        </li>
      ))}
      {tasks.length > mostTasks && <li className={css.quiet}>and {tasks.length - mostTasks} more</li>}
    </ul>
  )
}

function idleWord({ state }: Agent) {
  if (state === 'OFFLINE') return 'gone'
  return state === 'DRAINING' ? 'has nothing left; can be ended' : 'idle'
}

function Heartbeat({ at }: { at: string }) {
  const now = useNow()
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {ago(at, now)}
    </time>
  )
}

/** What the tasks at hand have used so far: what an agent used in all its life is kept with the sessions. */
function Tokens({ agent, tasks }: { agent: Agent; tasks: readonly Task[] }) {
  if (agent.active === 0) return <span className={css.quiet}>—</span>
  const used = tasks.reduce(
    (sum, { usage }) => sum + usage.input_tokens + usage.output_tokens + usage.reasoning_tokens,
    0,
  )
  return <span>{used === 0 ? 'none reported' : compact(used)}</span>
}

import type { ReactNode } from 'react'
import type { Task } from '../../../api/types.ts'
import { Button } from '../../../parts/button.tsx'
import { ago, clockTime, countOf, span, words } from '../../../parts/format.ts'
import { useNow } from '../../../parts/now.ts'
import type { Span } from '../feed/story.ts'
import { workedMs } from '../tree/place.ts'
import css from './inspector.module.css'
import { countedTokens } from './telemetry.ts'
import { useTaskControl } from './use-task-control.ts'

/** Everything on the right: the chosen task, telemetry, checkpoints, a word to the agents. */
export function Inspector({ children }: { children: ReactNode }) {
  return (
    <aside className={css.box} aria-label="Details">
      {children}
    </aside>
  )
}

const tones: Partial<Record<Task['state'], 'moving' | 'done' | 'failed'>> = {
  RUNNING: 'moving',
  AWAITING_INPUT: 'moving',
  COMPLETED: 'done',
  FAILED: 'failed',
}

type Props = {
  task: Task
  tasks: readonly Task[]
  spans: readonly Span[]
  nameOf: (agent_id: string) => string
  onSelect: (id: string | undefined) => void
}

/** The chosen task: how it stands, who has it, what it waits for and holds up. */
export function TaskPart({ task, tasks, spans, nameOf, onSelect }: Props) {
  const now = useNow()
  const control = useTaskControl(task.session_id)
  const worked = workedMs(spans, now)
  const blocks = tasks.filter(({ depends_on }) => depends_on.includes(task.key)).map(({ key }) => key)
  return (
    <section aria-label="Selected task">
      <header className={css.head}>
        <div className={css.top}>
          <p className="label">
            Task <span className={`${css.id} mono`}>{task.key}</span>
          </p>
          <button type="button" className={css.link} onClick={() => onSelect(undefined)}>
            Close
          </button>
        </div>
        <h2>{task.title}</h2>
        <p className={css.badge} data-tone={tones[task.state]}>
          {words(task.state)}
          {worked !== null && ` · ${span(worked)}`}
        </p>
      </header>
      <dl className={css.facts}>
        <Fact name="Agent">{task.agent_id === null ? 'nobody' : nameOf(task.agent_id)}</Fact>
        <Fact name="Capability">{task.capability}</Fact>
        <Fact name="Attempt">
          {task.attempt === 0 ? 'none yet' : task.attempt}
          {task.failures > 0 && ` · ${countOf(task.failures)} of 3 failures`}
          {task.losses > 0 && ` · ${countOf(task.losses)} of 5 losses`}
        </Fact>
        {task.waiting && <Fact name="Waits">{task.waiting.sentence}</Fact>}
        {task.deadline !== null && Date.parse(task.deadline) > now && (
          <Fact name="Time left">{span(Date.parse(task.deadline) - now)}</Fact>
        )}
        {task.depends_on.length > 0 && (
          <Fact name="Waits on">{task.depends_on.map((key) => needText(tasks, key)).join(', ')}</Fact>
        )}
        {blocks.length > 0 && <Fact name="Blocks">{blocks.join(', ')}</Fact>}
        <Fact name="Tokens">{countOf(countedTokens(task.usage))}</Fact>
        {task.checkpoint_number !== null && <Fact name="Saved">checkpoint {task.checkpoint_number}</Fact>}
        {task.ended_at && (
          <Fact name="Ended">
            {clockTime(task.ended_at)}, {ago(task.ended_at, now)}
          </Fact>
        )}
        {task.error && <Fact name="Error">{task.error.message}</Fact>}
        {task.result && <Fact name="Result">{task.result.summary || 'no words'}</Fact>}
        {task.result?.diff && (
          <Fact name="Changed">
            {countOf(task.result.diff.files)} {task.result.diff.files === 1 ? 'file' : 'files'}, +
            {countOf(task.result.diff.insertions)} −{countOf(task.result.diff.deletions)}
          </Fact>
        )}
        {task.result?.checks.map(({ command, exit_code, seconds }) => (
          <Fact key={command} name={exit_code === 0 ? 'Check ✓' : 'Check ✗'}>
            {command} ({seconds.toFixed(1)} s)
          </Fact>
        ))}
      </dl>
      <div className={css.row}>
        {(['cancel', 'retry'] as const).map((action) => (
          <Button
            key={action}
            busy={control.isPending}
            disabled={task.actions.includes(action) ? undefined : whyNot(action, task)}
            onClick={() => control.mutate({ id: task.id, action })}
          >
            {action === 'cancel' ? 'Cancel task' : 'Retry task'}
          </Button>
        ))}
      </div>
    </section>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="mono">{children}</dd>
    </div>
  )
}

function needText(tasks: readonly Task[], key: string) {
  const state = tasks.find((one) => one.key === key)?.state
  return state === undefined ? key : `${key} (${words(state)})`
}

function whyNot(action: 'cancel' | 'retry', { state }: Task) {
  if (action === 'cancel') return `A task that is ${words(state)} has nothing left to cancel.`
  if (state === 'FAILED' || state === 'CANCELLED') return 'Its session is completed.'
  return `Retry is for a task that has failed or was cancelled; this one is ${words(state)}.`
}

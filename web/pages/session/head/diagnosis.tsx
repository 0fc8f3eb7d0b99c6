import type { Diagnosis } from '../../../api/types.ts'
import { ago, clockTime, span, words } from '../../../parts/format.ts'
import { useNow } from '../../../parts/now.ts'
import css from './diagnosis.module.css'
import { partWords } from './path.ts'

type Waiting = NonNullable<Diagnosis['waiting']>
type Props = { diagnosis: Diagnosis; onTask: (id: string) => void }

/** What the session waits for, who can move it, and the way from here to there; or why it ended. */
export function DiagnosisStrip({ diagnosis, onTask }: Props) {
  const { waiting, ended, state } = diagnosis
  if (waiting) return <Wait waiting={waiting} onTask={onTask} />
  if (!ended) return null
  const task = ended.task_id
  return (
    <section
      className={css.strip}
      data-owner={state === 'FAILED' ? 'failed' : 'ended'}
      aria-label="How it ended"
    >
      <span className="label">{words(ended.code)}</span>
      <p>{ended.sentence}</p>
      <span className={css.when}>at {clockTime(ended.at)}</span>
      {task !== null && (
        <span className={css.path}>
          <button type="button" onClick={() => onTask(task)}>
            show the task
          </button>
        </span>
      )}
    </section>
  )
}

function Wait({ waiting, onTask }: { waiting: Waiting; onTask: (id: string) => void }) {
  const now = useNow()
  const { owner, sentence, since, until, moves, path } = waiting
  const left = until === null ? null : Date.parse(until) - now
  return (
    <section className={css.strip} data-owner={owner} aria-label="What it waits for">
      <span className="label">{owner === 'operator' ? 'Needs a person' : `Up to the ${owner}`}</span>
      <p>{sentence}</p>
      <span className={css.when}>
        since {clockTime(since)} ({ago(since, now)})
        {left !== null && (left > 0 ? ` · at the latest in ${span(left)}` : ' · its time is over')}
      </span>
      <details>
        <summary>What moves it</summary>
        <ul>
          {moves.map((move) => (
            <li key={move}>{move}</li>
          ))}
        </ul>
        <ol className={css.path} aria-label="From the session down to it">
          {path.map((part) => (
            <li key={`${part.kind} ${part.id}`}>
              {part.kind === 'task' ? (
                <button type="button" onClick={() => onTask(part.id)}>
                  {partWords(part)}
                </button>
              ) : (
                partWords(part)
              )}
            </li>
          ))}
        </ol>
      </details>
    </section>
  )
}

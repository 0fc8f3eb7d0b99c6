import { lazy, Suspense, useState } from 'react'
import { ask } from '../../../api/client.ts'
import { sentenceOf } from '../../../api/failure.ts'
import type { Checkpoint, CheckpointList, Session, Task } from '../../../api/types.ts'
import { Button } from '../../../parts/button.tsx'
import { ago, clockTime, countOf, dayOf, sentenceCase } from '../../../parts/format.ts'
import { useNow } from '../../../parts/now.ts'
import { toast } from '../../../shell/toasts.ts'
import css from './inspector.module.css'
import { sizeText } from './size.ts'

const Compare = lazy(() => import('./compare.tsx'))

const fewer = 8

type Props = { session: Session; list: CheckpointList | undefined; tasks: readonly Task[] | undefined }

/** The saves, newest first: when, why, how much; each opens with what it changed. */
export function Checkpoints({ session, list, tasks }: Props) {
  const now = useNow()
  const [open, setOpen] = useState<number | null>(null)
  const [isAll, setAll] = useState(false)
  const items = list?.items ?? []
  const shown = isAll ? items : items.slice(0, fewer)
  const keyOf = (one: Checkpoint) => tasks?.find(({ id }) => id === one.task_id)?.key
  const isWorked = session.tasks.running > 0
  return (
    <section className={css.part} aria-label="Checkpoints">
      <div className={css.top}>
        <h3 className="label">Checkpoints {countOf(session.checkpoint_number)}</h3>
        {isWorked && (
          <button type="button" className={css.link} onClick={() => askForOne(session.id)}>
            Save now
          </button>
        )}
      </div>
      {list && items.length === 0 && <p className={css.small}>None yet: the first is made when it starts.</p>}
      <ol className={css.saves}>
        {shown.map((one) => (
          <li key={one.number}>
            <i aria-hidden="true" />
            <span className="mono">#{one.number}</span>
            <button type="button" onClick={() => setOpen(one.number)} aria-haspopup="dialog">
              {sentenceCase(one.trigger)}
              {keyOf(one) && ` · ${keyOf(one)}`}
            </button>
            <small title={clockTime(one.created_at)}>
              {ago(one.created_at, now)} · {sizeText(one.size)}
            </small>
          </li>
        ))}
      </ol>
      {session.history_until !== null && (
        <p className={css.small}>
          Kept with all of its history until{' '}
          <time dateTime={session.history_until}>{dayOf(session.history_until)}</time>, and while it has
          forks.
        </p>
      )}
      {items.length > fewer && (
        <Button onClick={() => setAll(!isAll)}>
          {isAll ? 'Show fewer' : `Show ${countOf(items.length - fewer)} more`}
        </Button>
      )}
      {isAll && list?.next_cursor && (
        <p className={css.small}>
          The last {items.length} are listed; any older one can be opened from there by its number.
        </p>
      )}
      {open !== null && (
        <Suspense fallback={null}>
          <Compare session={session} number={open} onClose={() => setOpen(null)} />
        </Suspense>
      )}
    </section>
  )
}

async function askForOne(id: string) {
  try {
    const { asked }: { asked: number } = await ask(`/sessions/${id}/checkpoints`, { method: 'POST' })
    toast(
      'done',
      asked === 0 ? 'Nobody works on it: there is nothing to save.' : `${asked} asked to save now.`,
    )
  } catch (error) {
    toast('failed', sentenceOf(error))
  }
}

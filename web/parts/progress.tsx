import type { Session } from '../api/types.ts'
import css from './progress.module.css'

/** More would be too thin to count. */
const mostSegments = 12

/** The tasks of a session as a strip: solid ran, lit runs, red failed, hollow is to come. */
export function Progress({ tasks, ended }: { tasks: Session['tasks']; ended: boolean }) {
  const { total, completed, running, failed } = tasks
  if (total === 0) return <span className={css.none}>{ended ? 'no tasks' : 'no plan yet'}</span>
  const toCome = Math.max(0, total - completed - running - failed)
  const parts = [
    ['ran', completed],
    ['runs', running],
    ['failed', failed],
    ['to come', toCome],
  ] as const
  return (
    <span className={css.progress}>
      <span className={css.strip} aria-hidden="true">
        {parts.map(([part, count]) =>
          count === 0 ? null : (
            <i
              key={part}
              data-part={part}
              style={{ flexGrow: count, backgroundSize: total > mostSegments ? '100%' : `${100 / count}%` }}
            />
          ),
        )}
      </span>
      <span className="mono">
        {completed}/{total}
      </span>
      <span className="sr">
        tasks done{running > 0 && `, ${running} running`}
        {failed > 0 && `, ${failed} failed`}
      </span>
    </span>
  )
}

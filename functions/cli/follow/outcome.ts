import type { SessionView } from '../api/records.ts'
import { plain } from '../harmless.ts'
import type { Paint } from '../paint.ts'
import { elapsed } from './status.ts'

/** How a session ended, and what to do next. */
export function outcomeLines(session: SessionView, paint: Paint, now: number): string[] {
  const { id, state, result, failure } = session
  const label = session.rehearsal ? ' (rehearsal: a scripted model, no intelligence)' : ''
  const time = elapsed(session, now)
  if (state === 'STOPPED') return [paint.yellow(`■ stopped after ${time}${label}`), next('retry', id)]
  if (state === 'FAILED') {
    const why = failure ? `${failure.code}: ${failure.message}` : 'no reason was given'
    return [paint.red(`✗ failed after ${time}${label}`), `  ${plain(why)}`, next('retry', id)]
  }
  if (state !== 'COMPLETED') return [`session ${id} is ${state}`]
  const { branch, commit, diff, push_reason, summary } = result ?? {}
  return [
    paint.green(`✓ completed in ${time}${label}`),
    ...(branch ? [`  branch  ${paint.bold(plain(branch))}`] : []),
    ...(commit ? [`  commit  ${plain(commit)}`] : []),
    ...(diff ? [`  diff    ${diff.files} files, +${diff.insertions} -${diff.deletions}`] : []),
    ...(push_reason ? [paint.yellow(`  not pushed: ${plain(push_reason)}`)] : []),
    ...(summary
      ? summary
          .split('\n')
          .slice(0, 20)
          .map((line) => `  ${plain(line)}`)
      : []),
    next('diff', id),
  ]
}

function next(action: string, id: string) {
  return `  next: npx orchestrator session ${action} ${id}`
}

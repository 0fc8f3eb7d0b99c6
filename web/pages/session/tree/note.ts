import type { Task } from '../../../api/types.ts'
import type { Span } from '../feed/story.ts'

export type Note = { text: string; tone: 'plain' | 'bad' | 'block' }

/** What is said beside a task's bar: what it blocks on, what it needs, how an attempt failed. */
export function noteOf(
  { state, depends_on, waiting, error, agent_id }: Task,
  spans: readonly Span[],
  tasks: readonly Task[],
  blocking: string | null | undefined,
): Note | null {
  if (blocking) return { text: blocking, tone: 'block' }
  if (state === 'AWAITING_INPUT') return { text: 'needs a person', tone: 'block' }
  if (state === 'BLOCKED') {
    const open = depends_on.filter((key) => tasks.find((one) => one.key === key)?.state !== 'COMPLETED')
    return open.length > 0 ? { text: `needs ${open.join(', ')}`, tone: 'plain' } : null
  }
  if (state === 'READY' && waiting) return { text: waiting.sentence, tone: 'plain' }
  if (state === 'CANCELLED') return { text: error?.message ?? 'cancelled', tone: 'plain' }
  const failed = spans.findLast(({ note }) => note !== null)
  if (failed?.note && (state === 'FAILED' || agent_id !== null)) return { text: failed.note, tone: 'bad' }
  return null
}

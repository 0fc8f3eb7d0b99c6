import type { SessionEvent } from '../../../api/types.ts'
import { words } from '../../../parts/format.ts'

/** A change in one sentence, and whether it is bad news. Null for what the page shows elsewhere. */
export function wordsOf({ type, data }: SessionEvent): { text: string; isError: boolean } | null {
  if (type === 'log' || type === 'usage.reported') return null
  const isError = ['session.failed', 'task.failed', 'task.lost', 'plan.rejected'].includes(type)
  return { text: [headOf(type, data), ...detailsOf(data)].filter(Boolean).join(' · '), isError }
}

function headOf(type: SessionEvent['type'], data: SessionEvent['data']) {
  switch (type) {
    case 'checkpoint.created':
      return `checkpoint, ${words(text(data.trigger))}`
    case 'message.sent':
      return `message to the agents: ${text(data.text)}`
    case 'task.created':
      return `task created: ${text(data.title)}`
    case 'task.assigned':
      return `offered to ${text(data.agent) || 'an agent'}`
    case 'approval.requested':
      return 'asks a person'
    default:
      return words(type.replace('.', ' '))
  }
}

function detailsOf(data: SessionEvent['data']) {
  const { attempt } = data
  const why = ['message', 'sentence', 'cause', 'reason', 'summary'].map((name) => text(data[name]))
  const again = typeof attempt === 'number' && attempt > 1 ? `attempt ${attempt}` : ''
  return [again, text(data.branch), text(data.code), why.find((one) => one !== '') ?? '']
}

function text(value: unknown) {
  return typeof value === 'string' ? value.replace(/\s+/g, ' ').trim() : ''
}

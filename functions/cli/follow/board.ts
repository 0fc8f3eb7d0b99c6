import type { TaskState } from '#core/task/states'
import { taskStates } from '#core/task/states'
import type { EventView, TaskView } from '../api/records.ts'

/** What the events tell of a session's tasks: their keys, and how many are done. */
export type Board = {
  note: (event: EventView) => void
  know: (tasks: Pick<TaskView, 'id' | 'key' | 'state'>[]) => void
  keyOf: (task_id: string) => string
  counts: () => { done: number; running: number; total: number }
}

export function createBoard(): Board {
  const tasks = new Map<string, { key: string; state: TaskState }>()
  return {
    note: ({ type, task_id, data }) => {
      if (!task_id || !type.startsWith('task.')) return
      const state = taskStates.find((name) => name === (data.to ?? data.state))
      const before = tasks.get(task_id)
      const key = typeof data.key === 'string' ? data.key : before?.key
      if (key) tasks.set(task_id, { key, state: state ?? before?.state ?? 'BLOCKED' })
    },
    know: (listed) => {
      for (const { id, key, state } of listed) tasks.set(id, { key, state })
    },
    keyOf: (task_id) => tasks.get(task_id)?.key ?? task_id.slice(-6),
    counts: () => {
      const states = [...tasks.values()].map(({ state }) => state)
      const done = states.filter((state) => state === 'COMPLETED').length
      const running = states.filter((state) => state === 'RUNNING').length
      return { done, running, total: states.length }
    },
  }
}

import type { Task } from '../../../api/types.ts'

export type Row = {
  task: Task
  depth: number
  hasChildren: boolean
  isOpen: boolean
  place: number
  of: number
}

/** The rows of a tree that can be seen: each task behind its parent, without those below a closed one. */
export function rowsOf(tasks: readonly Task[], closed: ReadonlySet<string>): Row[] {
  const ids = new Set(tasks.map(({ id }) => id))
  const below = new Map<string, Task[]>()
  for (const task of tasks) {
    const parent = task.parent_id && ids.has(task.parent_id) ? task.parent_id : ''
    below.set(parent, [...(below.get(parent) ?? []), task])
  }
  const rows: Row[] = []
  const walk = (parent: string, depth: number) => {
    const children = below.get(parent) ?? []
    for (const [i, task] of children.entries()) {
      const hasChildren = below.has(task.id)
      const isOpen = hasChildren && !closed.has(task.id)
      rows.push({ task, depth, hasChildren, isOpen, place: i + 1, of: children.length })
      if (isOpen) walk(task.id, depth + 1)
    }
  }
  walk('', 0)
  return rows
}

export type Move = { to?: string; open?: string; close?: string }

/** What a key does in a treegrid, at the row `at`; null when it does nothing there. */
export function moveIn(rows: readonly Row[], at: string | undefined, key: string): Move | null {
  const i = rows.findIndex(({ task }) => task.id === at)
  const row = rows[i]
  const to = (next: Row | undefined) => (next ? { to: next.task.id } : null)
  switch (key) {
    case 'ArrowDown':
      return to(rows[i + 1])
    case 'ArrowUp':
      return to(i < 0 ? rows.at(-1) : rows[i - 1])
    case 'Home':
      return to(rows[0])
    case 'End':
      return to(rows.at(-1))
    case 'ArrowRight':
      if (!row?.hasChildren) return null
      return row.isOpen ? to(rows[i + 1]) : { open: row.task.id }
    case 'ArrowLeft':
      if (row?.isOpen) return { close: row.task.id }
      return row ? to(rows.find(({ task }) => task.id === row.task.parent_id)) : null
    default:
      return null
  }
}

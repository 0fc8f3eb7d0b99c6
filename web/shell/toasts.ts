import { makeStore, useStore } from '../parts/store.ts'

export type Toast = { id: number; kind: 'done' | 'failed'; text: string }

const mostShown = 4
const shownMs = 6_000
const toasts = makeStore<readonly Toast[]>([])
let last = 0

/** Says that something was done, for a few seconds; or that it failed, until it is read. */
export function toast(kind: Toast['kind'], text: string) {
  const id = ++last
  toasts.set([...toasts.get(), { id, kind, text }].slice(-mostShown))
  if (kind === 'done') setTimeout(() => dismiss(id), shownMs)
}

export function dismiss(id: number) {
  toasts.set(toasts.get().filter((one) => one.id !== id))
}

export function useToasts() {
  return useStore(toasts)
}

import { makeStore, useStore } from './store.ts'

/** One clock for the page: what shows an age ticks together. */
const clock = makeStore(Date.now())
const tickMs = 1_000
let watchers = 0
let timer: ReturnType<typeof setInterval> | undefined

const ticking = {
  ...clock,
  subscribe(listener: () => void) {
    const leave = clock.subscribe(listener)
    watchers += 1
    timer ??= setInterval(() => clock.set(Date.now()), tickMs)
    return () => {
      leave()
      watchers -= 1
      if (watchers > 0) return
      clearInterval(timer)
      timer = undefined
    }
  },
}

/** The time in ms since 1970, once a second. */
export function useNow() {
  return useStore(ticking)
}

import { type Log, reasonOf } from './log.ts'
import { within } from './wait.ts'

export type Closers = {
  add: (what: string, close: () => Promise<void> | void) => void
  /** Runs them once, the last added first; one that fails or hangs does not keep the others from running. */
  closeAll: () => Promise<void>
}

/** What has to be undone, in the reverse of its order. `deadlineMs` holds for each. */
export const makeClosers = (log: Log, deadlineMs: number): Closers => {
  const stack: { what: string; close: () => Promise<void> | void }[] = []
  let closing: Promise<void> | null = null
  const run = async (): Promise<void> => {
    for (let last = stack.pop(); last !== undefined; last = stack.pop()) {
      const { what, close } = last
      try {
        await within(what, deadlineMs, Promise.resolve(close()))
      } catch (error) {
        log('warn', 'stop_failed', { what, reason: reasonOf(error) })
      }
    }
  }
  return {
    add: (what, close) => stack.push({ what, close }),
    closeAll: () => {
      closing ??= run()
      return closing
    },
  }
}

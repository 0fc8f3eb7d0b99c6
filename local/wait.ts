import { setTimeout as pause } from 'node:timers/promises'

export class DeadlineError extends Error {}

/** Asks until the answer is not null. Throws DeadlineError after `deadlineMs`. */
export const waitFor = async <T>(
  what: string,
  deadlineMs: number,
  ask: () => Promise<T | null> | T | null,
  everyMs = 25,
): Promise<T> => {
  const until = Date.now() + deadlineMs
  for (;;) {
    const answer = await ask()
    if (answer !== null) return answer
    if (Date.now() >= until) throw new DeadlineError(`${what}: nothing after ${deadlineMs} ms`)
    await pause(everyMs)
  }
}

/** The promise, or DeadlineError when it is not settled in time; what it waits for goes on. */
export const within = async <T>(what: string, deadlineMs: number, work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new DeadlineError(`${what}: not done after ${deadlineMs} ms`)),
      deadlineMs,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

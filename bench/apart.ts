import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { runHttp } from './http.ts'
import type { runLive } from './live.ts'
import type { runRequests } from './requests.ts'

/** The parts that bring up the local cloud. */
export type Parts = { http: typeof runHttp; api: typeof runRequests; live: typeof runLive }

/**
 * Runs a part in a process of its own: functions keep what they hold open as long as their process lives, so that a
 * second local cloud in one process would be called with the first one's addresses.
 */
export async function apart<N extends keyof Parts>(
  name: N,
  options: Parameters<Parts[N]>[0],
): Promise<Awaited<ReturnType<Parts[N]>>> {
  const child = fork(join(import.meta.dirname, 'part.ts'), [name, JSON.stringify(options)], {
    execArgv: ['--import', 'tsx'],
  })
  let answer: string | null = null
  child.once('message', (message) => {
    answer = String(message)
  })
  const [code] = await once(child, 'close')
  if (answer === null) throw new Error(`The part "${name}" ended with ${code} and no figures.`)
  return JSON.parse(answer)
}

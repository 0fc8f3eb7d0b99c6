import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where `npm start` of this checkout keeps its data unless told otherwise. */
const usualData = fileURLToPath(new URL('../../../.data', import.meta.url))

/**
 * The key to call with: ORCHESTRATOR_API_KEY, else for an API on this machine the one that `npm start` keeps in
 * its data folder. That one is never sent anywhere else.
 */
export function keyFor(env: Record<string, string | undefined>, base: string) {
  if (env.ORCHESTRATOR_API_KEY) return env.ORCHESTRATOR_API_KEY
  const { hostname } = new URL(base)
  if (!['localhost', '127.0.0.1', '[::1]'].includes(hostname)) return undefined
  try {
    return readFileSync(join(env.ORCHESTRATOR_DATA || usualData, 'local-key'), 'utf8').trim()
  } catch {
    return undefined
  }
}

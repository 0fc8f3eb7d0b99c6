import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { authorship } from '../git/run.ts'

/**
 * The environment of what an agent runs (engine, tools, checks): a home of its own and nothing of the
 * worker's, above all no token and no key.
 */
export async function cleanEnvironment(
  state: string,
  path = process.env.PATH ?? '',
): Promise<Record<string, string>> {
  const folders = {
    HOME: join(state, 'home'),
    XDG_CONFIG_HOME: join(state, 'config'),
    XDG_DATA_HOME: join(state, 'data'),
    XDG_CACHE_HOME: join(state, 'cache'),
    XDG_STATE_HOME: join(state, 'state'),
    TMPDIR: join(state, 'tmp'),
  }
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true })
  return {
    PATH: path,
    LANG: process.env.LANG ?? 'C.UTF-8',
    TERM: 'dumb',
    CI: '1',
    ...(process.env.TZ ? { TZ: process.env.TZ } : {}),
    ...folders,
    ...authorship(),
    GIT_TERMINAL_PROMPT: '0',
  }
}

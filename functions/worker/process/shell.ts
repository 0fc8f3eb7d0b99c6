import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Isolation, inPidNamespace, powerless } from './isolate.ts'

/**
 * Writes the shell that an engine runs an agent's commands with; answers its path. They get none of the variables
 * in `secrets`, and where the system has namespaces one of their own: there the engine is not to be seen, whose
 * environment holds them. Without namespaces a command may still read it from /proc.
 */
export async function writeShell(state: string, isolation: Isolation, secrets: string[]) {
  const folder = join(state, 'shell')
  await mkdir(folder, { recursive: true })
  // Engines tell a shell's kind by its name.
  const file = join(folder, 'bash')
  const without = ['env', ...secrets.flatMap((name) => ['-u', name]), 'SHELL=/bin/bash']
  const apart = isolation === 'guard' ? [] : [...inPidNamespace, ...init, ...powerless]
  const words = ['exec', ...without, ...apart, 'bash'].map(quoted).join(' ')
  await writeFile(file, `#!/bin/sh\n${words} "$@"\n`, { mode: 0o755 })
  return file
}

/** The first process of the namespace: ends with all the others when it is asked to, and reaps those it inherits. */
const init = ['bash', '-c', 'trap "exit 143" TERM; "$@" </dev/null & wait $!', 'bash']

const quoted = (word: string) => (/^[\w./=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

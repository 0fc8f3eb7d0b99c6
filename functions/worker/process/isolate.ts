import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'

export type Isolation = 'namespace' | 'user_namespace' | 'guard'

export type Isolated = {
  child: ChildProcess
  /** Ends the command and all it started, wherever they hid. Returns when the leader is gone. */
  end: () => Promise<void>
}

/** Dies with its parent; the first process of its own PID namespace, so that all its children die with it. */
const inNamespace = [
  'setpriv',
  '--pdeathsig',
  'KILL',
  'unshare',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
  '--',
]

/** The same without root. Entering a user namespace clears the death signal, so it is set again inside. */
const inUserNamespace = [
  'setpriv',
  '--pdeathsig',
  'KILL',
  'unshare',
  '--user',
  '--map-root-user',
  '--',
  ...inNamespace,
]

let probed: Promise<Isolation> | undefined

/** The strongest isolation that works on this machine; tried once. */
export function probeIsolation(): Promise<Isolation> {
  probed ??= works(inNamespace).then(async (ok) => {
    if (ok) return 'namespace'
    return (await works(inUserNamespace)) ? 'user_namespace' : 'guard'
  })
  return probed
}

function works([command = '', ...args]: string[]) {
  return new Promise<boolean>((resolve) => {
    execFile(command, [...args, 'true'], { timeout: 5_000 }, (error) => resolve(!error))
  })
}

/**
 * Starts a command that cannot outlive this process: with the worker dead (even by kill -9), the command
 * and everything it started is gone. Its output is piped; its environment is exactly `env`.
 */
export async function startIsolated(
  command: string[],
  options: { cwd: string; env: Record<string, string>; isolation?: Isolation },
): Promise<Isolated> {
  const { cwd, env } = options
  const isolation = options.isolation ?? (await probeIsolation())
  const [program = '', ...args] = wrapped(command, isolation)
  const stdin = isolation === 'guard' ? 'pipe' : 'ignore'
  const child = spawn(program, args, { cwd, env, stdio: [stdin, 'pipe', 'pipe'] })
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  child.stdin?.on('error', () => undefined)
  const end = async () => {
    if (isolation === 'guard') child.stdin?.end()
    else child.kill('SIGKILL')
    await gone
  }
  return { child, end }
}

function wrapped(command: string[], isolation: Isolation) {
  if (isolation === 'namespace') return [...inNamespace, ...command]
  if (isolation === 'user_namespace') return [...inUserNamespace, ...command]
  const guard = fileURLToPath(new URL('./guard.mjs', import.meta.url))
  return [process.execPath, guard, randomUUID(), ...command]
}

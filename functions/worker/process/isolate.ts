import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'

export type Isolation = 'namespace' | 'user_namespace' | 'guard'

export type Exit = { code: number | null; signal: string | null; error?: Error }

export type Isolated = {
  child: ChildProcess
  exited: Promise<Exit>
  /** Ends the command and all it started, wherever they hid. Returns when the leader is gone. */
  end: () => Promise<void>
}

/** A PID namespace of its own: its children die with its first process, and nobody outside is to be seen. */
export const inPidNamespace = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', '--']

/** Dies with its parent. */
const inNamespace = ['setpriv', '--pdeathsig', 'KILL', ...inPidNamespace]

/** For what an agent runs: it may not undo what was hidden, look into other processes or make devices. */
export const powerless = [
  // A shell without a terminal has what it starts in the background ignore these.
  'env',
  '--default-signal=INT,QUIT',
  'setpriv',
  '--no-new-privs',
  '--bounding-set',
  '-sys_admin,-sys_ptrace,-sys_module,-sys_rawio,-sys_boot,-mknod',
  '--inh-caps',
  '-all',
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
    const all = [...args, 'sh', '-c', 'mount -t tmpfs none /tmp && exec "$@"', 'sh', ...powerless, 'true']
    execFile(command, all, { timeout: 5_000 }, (error) => resolve(!error))
  })
}

export type IsolateOptions = {
  cwd: string
  env: Record<string, string>
  /** Files and folders that the command finds empty, where there are namespaces. */
  hidden?: string[]
  isolation?: Isolation
}

/**
 * Starts a command that cannot outlive this process: with the worker dead (even by kill -9), the command
 * and everything it started is gone. Its output is piped; its environment is exactly `env`.
 */
export async function startIsolated(command: string[], options: IsolateOptions): Promise<Isolated> {
  const { cwd, env, hidden = [] } = options
  const isolation = options.isolation ?? (await probeIsolation())
  const [program = '', ...args] = wrapped(command, isolation, hidden)
  const child = spawn(program, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] })
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', (error) => resolve({ code: 127, signal: null, error }))
  })
  child.stdin?.on('error', () => undefined)
  const end = async () => {
    child.stdin?.end()
    if (isolation !== 'guard') child.kill('SIGKILL')
    await exited
  }
  if (isolation !== 'guard') await release(child, exited)
  return { child, exited, end }
}

/**
 * Inside the namespace a shell says that it is there, and waits for our word. Only then are all the death
 * signals set: were one of the wrappers (or we) killed earlier, the shell would read the end of the pipe and
 * end too, instead of running on with nobody to end it.
 */
const gate = [
  'sh',
  '-c',
  `echo >&3; exec 3>&-; read -r go || exit 137
   while [ "$1" != -- ]; do
     if [ -d "$1" ]; then mount -t tmpfs -o size=4k,mode=500 none "$1" || exit 125
     elif [ -e "$1" ]; then mount --bind /dev/null "$1" || exit 125; fi
     shift
   done
   shift; exec "$@" </dev/null`,
  'sh',
]

async function release(child: ChildProcess, exited: Promise<Exit>) {
  const ready = child.stdio[3]
  ready?.on('error', () => undefined)
  const said = new Promise<void>((resolve) => ready?.once('data', () => resolve()))
  await Promise.race([said, exited])
  child.stdin?.end('go\n')
}

function wrapped(command: string[], isolation: Isolation, hidden: string[]) {
  const inside = [...gate, ...hidden.filter((path) => path.startsWith('/')), '--', ...command]
  if (isolation === 'namespace') return [...inNamespace, ...inside]
  if (isolation === 'user_namespace') return [...inUserNamespace, ...inside]
  const guard = fileURLToPath(new URL('./guard.mjs', import.meta.url))
  return [process.execPath, guard, randomUUID(), ...command]
}

import { once } from 'node:events'

/** What a command sees of the world outside: its streams, its environment, the person's Ctrl-C. */
export type Terminal = {
  out: (text: string) => void
  err: (text: string) => void
  /** Resolves once what was written has left: a slow reader slows us, it does not fill the memory. */
  drained: () => Promise<void>
  input: AsyncIterable<Uint8Array | string>
  /** Standard output is a screen that can be redrawn. */
  tty: boolean
  colour: boolean
  columns: () => number
  cwd: string
  env: Record<string, string | undefined>
  interrupted: AbortSignal
  now: () => number
}

/** The terminal of this process. Ctrl-C and SIGTERM abort `interrupted`; the command then ends by itself. */
export function processTerminal(): Terminal {
  const interrupt = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort())
  const { stdout, stderr, env } = process
  // `orchestrator … | head` ends us without a stack trace.
  stdout.on('error', () => process.exit(0))
  const tty = stdout.isTTY === true && env.TERM !== 'dumb'
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    drained: async () => {
      if (stdout.writableNeedDrain) await once(stdout, 'drain', { signal: interrupt.signal }).catch(() => {})
    },
    input: process.stdin,
    tty,
    colour: tty && !env.NO_COLOR,
    columns: () => stdout.columns || 80,
    cwd: process.cwd(),
    env,
    interrupted: interrupt.signal,
    now: Date.now,
  }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { wellKnownCapabilities } from '#core/plan/plan'
import type { Api } from '../api/client.ts'
import { Unexpected } from '../api/errors.ts'
import { exit } from '../exit.ts'
import type { Terminal } from '../terminal.ts'

export type AgentOptions = {
  name?: string
  capabilities?: string[]
  capacity: number
  label?: string[]
  home?: string
}

/** The environment that tells a worker who it is. */
export function workerEnvironment(terminal: Terminal, api: string, options: AgentOptions) {
  const { name, capabilities, capacity, label, home } = options
  return {
    ORCHESTRATOR_API_URL: api,
    AGENT_NAME:
      name ??
      hostname()
        .replace(/[^a-zA-Z0-9._-]/g, '-')
        .slice(0, 63),
    AGENT_CAPABILITIES: (capabilities ?? [...wellKnownCapabilities]).join(','),
    AGENT_CAPACITY: String(capacity),
    AGENT_LABELS: (label ?? []).join(','),
    ...(home === undefined ? {} : { AGENT_HOME: resolve(terminal.cwd, home) }),
  }
}

/**
 * Runs a worker on this machine until it ends or is interrupted; its log is this command's output.
 * The worker is a process of its own, so that its memory and its signals are not this command's.
 */
export async function startAgent(terminal: Terminal, api: Api, options: AgentOptions) {
  const worker = fileURLToPath(new URL('../../worker/main.ts', import.meta.url))
  if (!existsSync(worker)) throw new Unexpected(`The worker is not part of this installation: ${worker}`)
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), worker], {
    stdio: 'inherit',
    env: { ...terminal.env, ...workerEnvironment(terminal, api.base, options) },
  })
  // A Ctrl-C reaches the worker from the terminal as well; it takes the second one as the same wish.
  const stop = () => child.kill('SIGTERM')
  if (terminal.interrupted.aborted) stop()
  terminal.interrupted.addEventListener('abort', stop, { once: true })
  const [code] = await once(child, 'exit')
  terminal.interrupted.removeEventListener('abort', stop)
  if (terminal.interrupted.aborted && code === 0) return exit.ok
  return typeof code === 'number' ? code : exit.server
}

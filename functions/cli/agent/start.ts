import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError, configFromEnv } from '#functions/worker/config'
import type { Api } from '../api/client.ts'
import { BadInput, Unexpected } from '../api/errors.ts'
import { exit } from '../exit.ts'
import type { Terminal } from '../terminal.ts'

export type AgentOptions = {
  name?: string
  capabilities?: string[]
  capacity?: number
  label?: string[]
  home?: string
}

/** The environment that tells a worker who it is; what is left out is the worker's own default. */
export function workerEnvironment(terminal: Terminal, api: string, options: AgentOptions) {
  const { name, capabilities, capacity, label, home } = options
  return {
    ...terminal.env,
    ORCHESTRATOR_API_URL: api,
    ...(name === undefined ? {} : { AGENT_NAME: name }),
    ...(capabilities === undefined ? {} : { AGENT_CAPABILITIES: capabilities.join(',') }),
    ...(capacity === undefined ? {} : { AGENT_CAPACITY: String(capacity) }),
    ...(label === undefined ? {} : { AGENT_LABELS: label.join(',') }),
    ...(home === undefined ? {} : { AGENT_HOME: resolve(terminal.cwd, home) }),
  }
}

/**
 * Runs a worker on this machine until it ends or is interrupted; its log is this command's output.
 * The worker is a process of its own, so that its memory and its signals are not this command's.
 */
export async function startAgent(terminal: Terminal, api: Api, options: AgentOptions) {
  const env = workerEnvironment(terminal, api.base, options)
  refuseBadConfig(env)
  const worker = fileURLToPath(new URL('../../worker/main.ts', import.meta.url))
  if (!existsSync(worker)) throw new Unexpected(`The worker is not part of this installation: ${worker}`)
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), worker], {
    stdio: 'inherit',
    env,
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

/** Says what is wrong before a process is started for it. */
function refuseBadConfig(env: Record<string, string | undefined>) {
  try {
    configFromEnv(env)
  } catch (error) {
    throw error instanceof ConfigError ? new BadInput(error.message) : error
  }
}

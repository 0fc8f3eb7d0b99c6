import { resolve } from 'node:path'
import { ConfigError, configFromEnv, modelFromEnv } from '#functions/worker/config'
import type { Api } from '../api/client.ts'
import { BadInput } from '../api/errors.ts'
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
export function workerEnvironment(terminal: Terminal, api: Pick<Api, 'base' | 'key'>, options: AgentOptions) {
  const { name, capabilities, capacity, label, home } = options
  return {
    ...terminal.env,
    ORCHESTRATOR_API_URL: api.base,
    ORCHESTRATOR_API_KEY: api.key,
    ...(name === undefined ? {} : { AGENT_NAME: name }),
    ...(capabilities === undefined ? {} : { AGENT_CAPABILITIES: capabilities.join(',') }),
    ...(capacity === undefined ? {} : { AGENT_CAPACITY: String(capacity) }),
    ...(label === undefined ? {} : { AGENT_LABELS: label.join(',') }),
    ...(home === undefined ? {} : { AGENT_HOME: resolve(terminal.cwd, home) }),
  }
}

/**
 * Runs a worker in this process until Ctrl-C, upon which it checkpoints and releases what it holds.
 * Its log is the output: one JSON object a line.
 * @returns 0 when it was asked to end, 1 when it failed or another process took over its name
 * @throws BadInput when it has no model, or a setting is wrong
 */
export async function startAgent(terminal: Terminal, api: Api, options: AgentOptions) {
  const config = configOf(await withRehearsal(terminal, workerEnvironment(terminal, api, options)))
  // Only here: the engine and its libraries would slow down every other command.
  const { exitCodes, runWorker } = await import('#functions/worker/worker')
  const code = await runWorker(config, { signal: terminal.interrupted })
  if (code === exitCodes.takenOver) {
    terminal.err(`Another process registered as "${config.name}"; choose another --name.\n`)
  }
  return code === exitCodes.done ? exit.ok : exit.failed
}

/** Where `npm start` has its rehearsal model unless told otherwise (local/port.ts). */
const usualRehearsal = 'http://127.0.0.1:14568/v1'
const probeMs = 1_000

/** Without a model of one's own, the rehearsal that runs beside a local API is used, and that is said. */
async function withRehearsal(terminal: Terminal, env: ReturnType<typeof workerEnvironment>) {
  try {
    modelFromEnv(env)
    return env
  } catch {
    const isLocal = /^https?:\/\/(localhost|127\.0\.0\.1)[:/]/.test(env.ORCHESTRATOR_API_URL)
    if (!isLocal || !(await answers(`${usualRehearsal}/models`))) return env
    terminal.err('No model of your own: this agent uses the rehearsal model of npm start, a script.\n')
    return { ...env, REHEARSAL_MODEL_URL: usualRehearsal }
  }
}

async function answers(url: string) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(probeMs) })
    return response.ok && (await response.text()).includes('rehearsal-1')
  } catch {
    return false
  }
}

function configOf(env: Record<string, string | undefined>) {
  try {
    return configFromEnv(env)
  } catch (error) {
    throw error instanceof ConfigError ? new BadInput(error.message) : error
  }
}

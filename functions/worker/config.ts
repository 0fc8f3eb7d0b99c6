import { existsSync, readFileSync } from 'node:fs'
import { homedir, hostname } from 'node:os'
import { join, resolve } from 'node:path'
import * as z from 'zod'
import { type LiveTiming, liveTiming } from '#core/live/client/inputs'
import type { RepositoryRules } from '#core/session/repository'
import type { ModelConfig } from './engine/model.ts'

export type WorkerConfig = {
  apiUrl: string
  /** Registers with it: `agents:write` is all that it needs. */
  apiKey?: string | undefined
  name: string
  capabilities: string[]
  capacity: number
  labels: string[]
  /** Absolute; mirrors, worktrees and the engines' own folders are below it. */
  home: string
  model: ModelConfig
  /** Which repositories it fetches; any, unless told otherwise. */
  repositories?: RepositoryRules
  /** Files and folders that agents find empty: what signs in to other places. */
  hidden?: string[]
  /** Where ECS is asked for protection; only in a container of its own. */
  ecsAgentUri?: string | undefined
  timing: Timing
}

export type Timing = {
  /** Milliseconds. */
  heartbeat: number
  checkpointEvery: number
  checkpointPeriod: number
  /** How long a stopping worker may take to checkpoint and release. */
  grace: number
  inboxSeconds: number
  /** How long an offer waits for a slot that is being cleared, before it is declined; well below what an offer lasts. */
  slot: number
  live: LiveTiming
}

export const defaultTiming: Timing = {
  heartbeat: 10_000,
  checkpointEvery: 2_000,
  checkpointPeriod: 30_000,
  grace: 12_000,
  inboxSeconds: 20,
  slot: 10_000,
  live: liveTiming,
}

/** The configuration is not one that can be worked with; the message says what to set. */
export class ConfigError extends Error {}

type Env = Record<string, string | undefined>

const words = z.string().transform((value) =>
  value
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== ''),
)
const capabilities =
  'PLANNING,CODE_GENERATION,CODE_REVIEW,TESTING,DEBUGGING,REFACTORING,DOCUMENTATION,SECURITY_AUDIT,INTEGRATION'

const Settings = z.object({
  ORCHESTRATOR_API_URL: z.url().default('http://127.0.0.1:8000/api/v1'),
  ORCHESTRATOR_API_KEY: z.string().optional(),
  /** The same, in a file, as containers are handed it. */
  ORCHESTRATOR_API_KEY_FILE: z.string().optional(),
  AGENT_NAME: z
    .string()
    .min(1)
    .default(() =>
      hostname()
        .replace(/[^a-zA-Z0-9._-]/g, '-')
        .slice(0, 60),
    ),
  AGENT_CAPABILITIES: words.default(capabilities.split(',')),
  AGENT_CAPACITY: z.coerce.number().int().min(1).max(64).default(2),
  AGENT_LABELS: words.default([]),
  REPOSITORY_REACH: z.enum(['public', 'any']).default('any'),
  REPOSITORY_ROOTS: words.optional(),
  AGENT_HIDDEN: words.default([]),
  AGENT_HOME: z.string().min(1).optional(),
  AGENT_CHECKPOINT_EVERY_MS: z.coerce.number().int().min(0).default(defaultTiming.checkpointEvery),
})

/** Where programs keep what signs in: of no use to an agent, whose home is another. */
const signIns = [
  '.aws',
  '.azure',
  '.config/gcloud',
  '.config/gh',
  '.config/git',
  '.docker',
  '.git-credentials',
  '.gnupg',
  '.kube',
  '.local/share/opencode',
  '.netrc',
  '.npmrc',
  '.pypirc',
  '.ssh',
]

/** Reads a worker's configuration from environment variables. Throws ConfigError with what is wrong. */
export function configFromEnv(env: Env = process.env): WorkerConfig {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = Settings.safeParse(present)
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    )
  }
  const settings = parsed.data
  const data = env.XDG_DATA_HOME || join(env.HOME || homedir(), '.local', 'share')
  return {
    apiUrl: settings.ORCHESTRATOR_API_URL,
    apiKey: settings.ORCHESTRATOR_API_KEY ?? keyIn(settings.ORCHESTRATOR_API_KEY_FILE),
    name: settings.AGENT_NAME,
    capabilities: settings.AGENT_CAPABILITIES,
    capacity: settings.AGENT_CAPACITY,
    labels: settings.AGENT_LABELS,
    home: resolve(settings.AGENT_HOME ?? join(data, 'orchestrator', 'agents', settings.AGENT_NAME)),
    model: modelFromEnv(env),
    repositories: {
      reach: settings.REPOSITORY_REACH,
      roots: settings.REPOSITORY_ROOTS ?? (settings.REPOSITORY_REACH === 'any' ? ['/'] : []),
    },
    hidden: [...signIns.map((name) => join(env.HOME || homedir(), name)), ...settings.AGENT_HIDDEN],
    ecsAgentUri: env.ECS_AGENT_URI || undefined,
    timing: { ...defaultTiming, checkpointEvery: settings.AGENT_CHECKPOINT_EVERY_MS },
  }
}

function keyIn(file: string | undefined) {
  if (file === undefined) return undefined
  if (!existsSync(file)) throw new ConfigError(`ORCHESTRATOR_API_KEY_FILE: there is no ${file}.`)
  return readFileSync(file, 'utf8').trim()
}

/** Keys that OpenCode reads itself, and the model that is used when MODEL names none. */
const providers = [
  { provider: 'anthropic', key: 'ANTHROPIC_API_KEY', model: 'claude-sonnet-5' },
  { provider: 'openai', key: 'OPENAI_API_KEY', model: 'gpt-5.5' },
  { provider: 'openrouter', key: 'OPENROUTER_API_KEY', model: 'anthropic/claude-sonnet-5' },
  { provider: 'google', key: 'GOOGLE_GENERATIVE_AI_API_KEY', model: 'gemini-2.5-pro' },
  { provider: 'google', key: 'GEMINI_API_KEY', model: 'gemini-2.5-pro' },
  { provider: 'mistral', key: 'MISTRAL_API_KEY', model: 'codestral-latest' },
  { provider: 'groq', key: 'GROQ_API_KEY', model: 'openai/gpt-oss-120b' },
  { provider: 'deepseek', key: 'DEEPSEEK_API_KEY', model: 'deepseek-v4-pro' },
  { provider: 'xai', key: 'XAI_API_KEY', model: undefined },
]

/**
 * Which model the engine uses: REHEARSAL_MODEL_URL, else a provider key, else OpenCode's own sign-in.
 * MODEL ("provider/model") chooses among several.
 */
export function modelFromEnv(env: Env = process.env): ModelConfig {
  if (env.REHEARSAL_MODEL_URL) return { kind: 'rehearsal', url: env.REHEARSAL_MODEL_URL }
  const wanted = wantedModel(env.MODEL)
  for (const { provider, key, model } of providers) {
    const value = env[key]
    if (!value || (wanted && wanted.provider !== provider)) continue
    const chosen = wanted?.model ?? model
    if (!chosen) throw new ConfigError(`${key} is set: name a model too, MODEL=${provider}/…`)
    return { kind: 'provider', provider, model: chosen, env: { [key]: value } }
  }
  const signedIn = signInFrom(env, wanted)
  if (signedIn) return signedIn
  const keys = [...new Set(providers.map(({ key }) => key))].join(', ')
  const which = wanted ? ` for ${wanted.provider}` : ''
  throw new ConfigError(
    `There is no model${which}: set one of ${keys}, sign in to OpenCode, or set REHEARSAL_MODEL_URL.`,
  )
}

function wantedModel(value: string | undefined) {
  if (!value) return undefined
  const slash = value.indexOf('/')
  if (slash < 1 || slash === value.length - 1) throw new ConfigError('MODEL must be "provider/model".')
  return { provider: value.slice(0, slash), model: value.slice(slash + 1) }
}

const SignIn = z.record(z.string(), z.looseObject({ type: z.string() }))

function signInFrom(
  env: Env,
  wanted: { provider: string; model: string } | undefined,
): ModelConfig | undefined {
  const data = env.XDG_DATA_HOME || join(env.HOME || homedir(), '.local', 'share')
  const file = join(data, 'opencode', 'auth.json')
  if (!existsSync(file)) return undefined
  const found = SignIn.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data ?? {}
  const provider =
    wanted?.provider ?? providers.find((known) => known.model && found[known.provider])?.provider
  const entry = provider === undefined ? undefined : found[provider]
  const model = wanted?.model ?? providers.find((known) => known.provider === provider)?.model
  if (!provider || !entry || !model) return undefined
  return { kind: 'sign_in', provider, model, auth_file: file, oauth: entry.type !== 'api' }
}

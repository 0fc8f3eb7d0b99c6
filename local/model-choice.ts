import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** `auto`: a real one when there is a key or OpenCode is signed in, else the rehearsal. */
export type ModelWish = 'auto' | 'rehearsal' | 'own'
export type ModelChoice = { rehearsal: boolean; why: string }
export type StartModel = (options: { port: number }) => Promise<{ url: string; stop: () => Promise<void> }>

const providerKeys = [
  'ANTHROPIC_API_KEY',
  'OPENAI_API_KEY',
  'OPENROUTER_API_KEY',
  'GOOGLE_GENERATIVE_AI_API_KEY',
  'GEMINI_API_KEY',
  'XAI_API_KEY',
  'MISTRAL_API_KEY',
  'GROQ_API_KEY',
  'DEEPSEEK_API_KEY',
  'DEEPINFRA_API_KEY',
  'CEREBRAS_API_KEY',
  'COHERE_API_KEY',
  'TOGETHER_AI_API_KEY',
  'PERPLEXITY_API_KEY',
  'AZURE_API_KEY',
  'AWS_BEARER_TOKEN_BEDROCK',
  'OPENCODE_API_KEY',
] as const

/** Whether OpenCode has credentials of its own on this machine. */
const isSignedIn = (env: NodeJS.ProcessEnv): boolean => {
  const share = env.XDG_DATA_HOME || join(env.HOME ?? homedir(), '.local/share')
  const file = join(share, 'opencode/auth.json')
  if (!existsSync(file)) return false
  try {
    const accounts: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return typeof accounts === 'object' && accounts !== null && Object.keys(accounts).length > 0
  } catch {
    return false
  }
}

/** Which model the agents use, and why, for the person to read. */
export const chooseModel = (wish: ModelWish, env: NodeJS.ProcessEnv): ModelChoice => {
  if (wish === 'rehearsal')
    return { rehearsal: true, why: 'rehearsal model (asked for): a script, not intelligence' }
  const key = providerKeys.find((name) => env[name] !== undefined && env[name] !== '')
  if (key !== undefined) return { rehearsal: false, why: `real model, key in ${key}` }
  if (isSignedIn(env)) return { rehearsal: false, why: 'real model, OpenCode is signed in' }
  if (wish === 'own') throw new Error('No provider key in the environment, and OpenCode is not signed in.')
  return { rehearsal: true, why: 'rehearsal model (no provider key found): a script, not intelligence' }
}

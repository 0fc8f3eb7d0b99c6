import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, homedir, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { type Finding, missing, ok, warning } from './finding.ts'

const run = promisify(execFile)
const require = createRequire(import.meta.url)

type Env = Record<string, string | undefined>

/** Providers whose key OpenCode takes from the environment. Names only are ever shown. */
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
]

/** What agents need of this machine. `timeout_ms` bounds each command that is asked for its version. */
export async function lookAtMachine(env: Env, timeout_ms: number): Promise<Finding[]> {
  return await Promise.all([
    lookAtNode(process.versions.node),
    lookAtCommand('git', 'git', env, timeout_ms, 'Install git (https://git-scm.com/downloads).'),
    lookAtOpenCode(env, timeout_ms),
    lookAtCommand(
      'ripgrep',
      packaged('@vscode/ripgrep', 'bin/rg') ?? 'rg',
      env,
      timeout_ms,
      'Run `npm ci` in the checkout with optional dependencies, or install ripgrep.',
    ),
    lookAtModel(env),
  ])
}

export function lookAtNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return ok('node', version)
  return missing('node', version, 'Install Node.js 20.19 or newer (https://nodejs.org).')
}

async function lookAtOpenCode(env: Env, timeout_ms: number): Promise<Finding> {
  const binary = packaged(`opencode-${platform()}-${arch()}`, 'bin/opencode') ?? 'opencode'
  const remedy =
    'Run `npm ci` in the checkout with optional dependencies, or install OpenCode (https://opencode.ai).'
  return await lookAtCommand('opencode', env.OPENCODE_BINARY ?? binary, env, timeout_ms, remedy)
}

async function lookAtCommand(name: string, command: string, env: Env, timeout: number, remedy: string) {
  try {
    const { stdout } = await run(command, ['--version'], { timeout, env, maxBuffer: 64 * 1024 })
    return ok(name, stdout.split('\n')[0]?.trim() ?? '')
  } catch (error) {
    return missing(name, whyNot(command, error, timeout), remedy)
  }
}

function whyNot(command: string, error: unknown, timeout_ms: number) {
  if (!(error instanceof Error)) return `${command} does not run`
  if ('code' in error && error.code === 'ENOENT') return `there is no ${command} on the PATH`
  if ('killed' in error && error.killed === true)
    return `${command} did not answer within ${timeout_ms / 1000} s`
  return `${command} does not run: ${error.message.split('\n')[0]}`
}

/** A file of an installed package, wherever npm put it. */
function packaged(name: string, file: string) {
  for (const owner of [name, `${name}-${platform()}-${arch()}`]) {
    try {
      const path = join(dirname(require.resolve(`${owner}/package.json`)), file)
      if (existsSync(path)) return path
    } catch {
      // Not installed under this name.
    }
  }
  return undefined
}

/** Which model agents of this machine would use: a provider's, OpenCode's own sign-in, or the rehearsal's. */
export function lookAtModel(env: Env): Finding {
  const present = providerKeys.filter((name) => env[name])
  if (present.length > 0) return ok('model', `a provider key is set: ${present.join(', ')}`)
  const data = env.XDG_DATA_HOME || join(env.HOME ?? homedir(), '.local', 'share')
  if (hasAccounts(join(data, 'opencode', 'auth.json'))) return ok('model', 'OpenCode is signed in')
  return warning(
    'model',
    'rehearsal: no provider key is set and OpenCode is not signed in, so a script plays the model',
    `Set a provider's key (e.g. ${providerKeys.slice(0, 2).join(' or ')}) or run \`opencode auth login\`, then restart.`,
  )
}

/** Whether the file names an account; what it holds is not looked at. */
function hasAccounts(file: string) {
  try {
    const accounts: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return typeof accounts === 'object' && accounts !== null && Object.keys(accounts).length > 0
  } catch {
    return false
  }
}

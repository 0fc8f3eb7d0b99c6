import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { promisify } from 'node:util'
import { modelFromEnv } from '#functions/worker/config'
import { opencodeBinary } from '#functions/worker/engine/opencode/config'
import { type Isolation, probeIsolation } from '#functions/worker/process/isolate'
import { type Finding, missing, ok, warning } from './finding.ts'

const run = promisify(execFile)
const require = createRequire(import.meta.url)

type Env = Record<string, string | undefined>

/** What agents need of this machine. `timeout_ms` bounds each command that is asked for its version. */
export async function lookAtMachine(
  env: Env,
  timeout_ms: number,
  opencode = opencodeBinary(),
): Promise<Finding[]> {
  const install = 'Run `npm ci` in the checkout with its optional dependencies, or install'
  const look = (name: string, command: string, remedy: string) =>
    lookAtCommand(name, command, env, timeout_ms, remedy)
  return await Promise.all([
    lookAtNode(process.versions.node),
    look('git', 'git', 'Install git (https://git-scm.com/downloads).'),
    look('opencode', opencode, `${install} OpenCode (https://opencode.ai).`),
    look('ripgrep', ripgrep(), `${install} ripgrep.`),
    lookAtModel(env),
    probeIsolation().then(lookAtIsolation),
  ])
}

export function lookAtNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return ok('node', version)
  return missing('node', version, 'Install Node.js 20.19 or newer (https://nodejs.org).')
}

/** Whether what agents run is kept apart from the worker and its secrets. */
export function lookAtIsolation(isolation: Isolation): Finding {
  if (isolation !== 'guard')
    return ok('isolation', `agents run in PID namespaces of their own (${isolation})`)
  const detail = 'no namespaces: what agents run can read the keys of its worker and engine'
  const remedy =
    'Install util-linux and allow user namespaces, or give agents a machine and a key of their own.'
  return warning('isolation', detail, remedy)
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

/** The one that npm installed, else the one on the PATH. */
function ripgrep() {
  try {
    return require.resolve(`@vscode/ripgrep-${platform()}-${arch()}/bin/rg`)
  } catch {
    return 'rg'
  }
}

/** Which model an agent of this machine would use: by the very rules of the worker. Keys are named, never shown. */
export function lookAtModel(env: Env): Finding {
  try {
    const model = modelFromEnv(env)
    if (model.kind === 'rehearsal') return ok('model', `rehearsal: a script at ${model.url} plays the model`)
    const from =
      model.kind === 'provider' ? `key in ${Object.keys(model.env).join(', ')}` : 'signed in to OpenCode'
    return ok('model', `${model.provider}/${model.model}, ${from}`)
  } catch (error) {
    const detail = 'none is configured here; `npm start` then rehearses: a script plays the model'
    return warning('model', detail, error instanceof Error ? error.message : String(error))
  }
}

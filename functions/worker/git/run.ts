import { execFile } from 'node:child_process'
import { devNull } from 'node:os'

export type GitOptions = {
  /** Where to run: a worktree, or a bare repository. */
  cwd?: string
  env?: Record<string, string>
  /** Milliseconds; 60 s unless said otherwise. */
  deadline?: number
  signal?: AbortSignal | undefined
  /** Settings of this call, `name=value`. */
  config?: string[]
  /** Exit codes that are answers, not failures. */
  codes?: number[]
}

/** git said no, or did not answer in time. `reason` is its own last words, without credentials. */
export class GitError extends Error {
  readonly code: number | null
  readonly reason: string
  constructor(args: string[], code: number | null, reason: string) {
    super(`git ${args[0] ?? ''} failed: ${reason}`)
    this.name = 'GitError'
    this.code = code
    this.reason = reason
  }
}

/** Holds for every call: no hook, no monitor and no remote helper of a repository's choice is ever run. */
const always = [
  '-c',
  `core.hooksPath=${devNull}`,
  '-c',
  'core.fsmonitor=false',
  '-c',
  'protocol.allow=never',
  ...['file', 'git', 'http', 'https', 'ssh'].flatMap((name) => ['-c', `protocol.${name}.allow=always`]),
  '-c',
  'core.protectHFS=true',
  '-c',
  'core.protectNTFS=true',
  '-c',
  'submodule.recurse=false',
  '-c',
  'commit.gpgSign=false',
  '-c',
  'gc.auto=0',
  '-c',
  'maintenance.auto=false',
  '-c',
  'core.quotePath=false',
  '-c',
  'advice.detachedHead=false',
]

const identity = { name: 'OpenCode Orchestrator', email: 'orchestrator@localhost' }

/** Who commits. With a date (seconds since 1970) a commit of the same content has the same id everywhere. */
export function authorship(date?: number) {
  return {
    GIT_AUTHOR_NAME: identity.name,
    GIT_AUTHOR_EMAIL: identity.email,
    GIT_COMMITTER_NAME: identity.name,
    GIT_COMMITTER_EMAIL: identity.email,
    ...(date === undefined
      ? {}
      : { GIT_AUTHOR_DATE: `@${date} +0000`, GIT_COMMITTER_DATE: `@${date} +0000` }),
  }
}

/** What git and ssh need of the worker's environment: to be found, to reach out, and the person's own sign-in. */
const kept =
  /^(PATH|HOME|USER|LOGNAME|TMPDIR|LANG|TZ|XDG_CONFIG_HOME|SSH_AUTH_SOCK|SSH_ASKPASS|GH_TOKEN|GITHUB_TOKEN|SSL_CERT_(FILE|DIR)|(https?|all|no)_proxy|GIT_(ASKPASS|SSH|SSH_COMMAND|SSL_\w+|CONFIG_(GLOBAL|COUNT|KEY_\d+|VALUE_\d+)|TRACE\w*))$/i

/** The environment of the worker's own git calls: the person's sign-in works, our keys are not in it, it never asks. */
export function gitEnvironment() {
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && kept.test(name)) env[name] = value
  }
  return {
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
    ...env,
    ...authorship(),
    // The machine's settings could run commands; the person's own may, they sign in with them.
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    LC_ALL: 'C',
  }
}

/** Runs git with an argument list (never a shell) and returns its output and exit code. */
export function git(args: string[], options: GitOptions = {}): Promise<{ stdout: string; code: number }> {
  const { cwd, env = {}, deadline = 60_000, signal, config = [], codes = [] } = options
  return new Promise((resolve, reject) => {
    execFile(
      'git',
      [...always, ...config.flatMap((setting) => ['-c', setting]), ...args],
      {
        ...(cwd ? { cwd } : {}),
        env: { ...gitEnvironment(), ...env },
        timeout: deadline,
        killSignal: 'SIGKILL',
        maxBuffer: 64 * 1024 * 1024,
        ...(signal ? { signal } : {}),
      },
      (error, stdout, stderr) => {
        if (!error) return resolve({ stdout, code: 0 })
        if (signal?.aborted) return reject(signal.reason)
        const code = typeof error.code === 'number' ? error.code : null
        if (code !== null && codes.includes(code)) return resolve({ stdout, code })
        const late = error.killed ? `no answer within ${Math.round(deadline / 1_000)} s` : ''
        reject(new GitError(args, code, late || lastWords(stderr) || lastWords(stdout) || error.message))
      },
    )
  })
}

/** The trimmed output of a git call. */
export async function gitText(args: string[], options: GitOptions = {}): Promise<string> {
  return (await git(args, options)).stdout.trim()
}

function lastWords(output: string) {
  const lines = withoutCredentials(output)
    .trim()
    .split('\n')
    .filter((line) => !/^(hint|warning):/.test(line))
  return lines.slice(-6).join('\n').slice(-1_500)
}

/** A URL may carry a password; what is reported must not. */
export function withoutCredentials(text: string) {
  return text.replace(/(\w+:\/\/)[^/@\s]+@/g, '$1')
}

import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { anyRepository, type RepositoryRules } from '#core/session/repository'
import { createQueue } from '../wait.ts'
import { reachOf } from './reach.ts'
import { authorship, git, gitText } from './run.ts'
import { RepositoryUnavailable, unavailable } from './unavailable.ts'

export type Mirror = {
  /** The bare repository. */
  dir: string
  /** Null: there is no repository; work starts from the one empty root commit. */
  url: string | null
  /** What git is told to reach its repository, looked at anew each time. @throws RepositoryUnavailable */
  reach: () => Promise<string[]>
  /** Serialises what changes refs and worktrees of this mirror within the process. */
  locked: <T>(work: () => Promise<T>) => Promise<T>
}

const urlFile = 'orchestrator-url'

/** The bare mirrors of one worker, one per repository, kept between tasks. */
export class Mirrors {
  readonly #home: string
  readonly #rules: RepositoryRules
  readonly #open = new Map<string, Promise<Mirror>>()

  constructor(home: string, rules: RepositoryRules = anyRepository) {
    this.#home = home
    this.#rules = rules
  }

  /** The mirror of a repository, created (not yet fetched) when it is new. */
  open(url: string | null): Promise<Mirror> {
    const dir = join(this.#home, `${url === null ? 'empty' : nameOf(url)}.git`)
    const known = this.#open.get(dir) ?? create(dir, url, this.#rules)
    this.#open.set(dir, known)
    known.catch(() => this.#open.delete(dir))
    return known
  }

  /** Removes mirrors that were not fetched for `days`, since nobody seems to come back to them. */
  async collect(days: number, now = Date.now()) {
    const names = await readdir(this.#home).catch(() => [])
    for (const name of names) {
      const dir = join(this.#home, name)
      const used = await stat(join(dir, urlFile)).catch(() => undefined)
      if (!used || this.#open.has(dir) || now - used.mtimeMs < days * 86_400_000) continue
      await rm(dir, { recursive: true, force: true, maxRetries: 3 })
    }
  }

  /** The URLs of the mirrors held, most recently used first, at most `most`. */
  async urls(most = 50): Promise<string[]> {
    const names = await readdir(this.#home).catch(() => [])
    const held = await Promise.all(
      names.map(async (name) => {
        const file = join(this.#home, name, urlFile)
        const url = await readFile(file, 'utf8').catch(() => '')
        const used = await stat(file).catch(() => undefined)
        return { url, used: used?.mtimeMs ?? 0 }
      }),
    )
    const real = held.filter(({ url }) => url !== '' && url.length <= 2_000)
    return real
      .sort((a, b) => b.used - a.used)
      .map(({ url }) => url)
      .slice(0, most)
  }
}

function nameOf(url: string) {
  return createHash('sha256').update(url).digest('hex').slice(0, 20)
}

async function create(dir: string, url: string | null, rules: RepositoryRules): Promise<Mirror> {
  await mkdir(dir, { recursive: true })
  await git(['init', '--quiet', '--bare', '--initial-branch=main', '--', dir])
  await writeFile(join(dir, urlFile), url ?? '')
  return { dir, url, reach: async () => (url === null ? [] : reachOf(url, rules)), locked: createQueue() }
}

/** Brings the mirror's branches and tags up to date with its repository. */
export async function fetchMirror(mirror: Mirror, signal?: AbortSignal, deadline = 600_000) {
  const { dir, url } = mirror
  if (url === null) return
  const refs = ['+refs/heads/*:refs/remotes/origin/*', '+refs/tags/*:refs/tags/*']
  // A shallow clone is a repository like another: without the option git leaves its branches out, and says nothing.
  const args = [
    'fetch',
    '--quiet',
    '--prune',
    '--no-tags',
    '--no-write-fetch-head',
    '--update-shallow',
    '--',
    url,
    ...refs,
  ]
  await mirror.locked(async () => {
    const config = await mirror.reach()
    await git(args, { cwd: dir, config, deadline, signal }).catch((error) => {
      throw signal?.aborted ? error : unavailable(url, error)
    })
    await utimes(join(dir, urlFile), new Date(), new Date()).catch(() => undefined)
  })
}

/** Whether the mirror holds a commit. */
export async function hasCommit(mirror: Mirror, commit: string) {
  const args = ['cat-file', '-e', '--end-of-options', `${commit}^{commit}`]
  return (await git(args, { cwd: mirror.dir, codes: [1, 128] })).code === 0
}

/** Asks the repository for one commit that no branch names any more. False when it will not give it. */
export async function fetchCommit(mirror: Mirror, commit: string, signal?: AbortSignal) {
  const { dir, url } = mirror
  if (url === null) return false
  const args = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--update-shallow', '--', url]
  const refspec = `+${commit}:refs/orchestrator/in/${commit}`
  const config = await mirror.reach()
  return mirror.locked(() =>
    git([...args, refspec], { cwd: dir, config, deadline: 600_000, signal }).then(
      () => true,
      (error) => {
        if (signal?.aborted) throw error
        return false
      },
    ),
  )
}

/**
 * The commit that work starts from: what `base` (branch, tag or commit) names, or the repository's own
 * default branch. A repository without any commit, like none at all, starts from the one empty root.
 */
export async function resolveBase(
  mirror: Mirror,
  base: string | null,
  signal?: AbortSignal,
): Promise<string> {
  if (mirror.url === null) return emptyRoot(mirror)
  if (base === null) return defaultBranch(mirror, mirror.url, signal)
  for (const name of [`refs/remotes/origin/${base}`, `refs/tags/${base}`, base]) {
    const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`]
    const { stdout, code } = await git(args, { cwd: mirror.dir, codes: [1, 128] })
    const commit = stdout.trim().split('\n').at(-1) ?? ''
    if (code === 0 && /^[0-9a-f]{40,64}$/.test(commit)) return commit
  }
  throw new RepositoryUnavailable(`The repository has no branch, tag or commit "${base}".`, false)
}

async function defaultBranch(mirror: Mirror, url: string, signal?: AbortSignal) {
  const config = await mirror.reach()
  const listed = await gitText(['ls-remote', '--quiet', '--symref', '--', url, 'HEAD'], {
    config,
    signal,
  }).catch((error) => {
    throw unavailable(url, error)
  })
  const head = /^([0-9a-f]{40,64})\tHEAD$/m.exec(listed)?.[1]
  if (head) return head
  const branches = await gitText(['for-each-ref', '--format=%(objectname)', 'refs/remotes/origin'], {
    cwd: mirror.dir,
  })
  if (branches === '') return emptyRoot(mirror)
  throw new RepositoryUnavailable('The default branch of the repository does not exist: name a base.', false)
}

/** One empty commit whose id is the same on every worker, for its content and dates are fixed. */
export async function emptyRoot(mirror: Mirror): Promise<string> {
  return mirror.locked(async () => {
    // The empty tree has no content to send: git writes it from an empty index of its own.
    const env = { ...authorship(0), GIT_INDEX_FILE: join(mirror.dir, 'empty-index') }
    const tree = await gitText(['write-tree'], { cwd: mirror.dir, env })
    const commit = await gitText(['commit-tree', tree, '-m', 'Start from nothing'], { cwd: mirror.dir, env })
    await git(['update-ref', 'refs/orchestrator/empty', commit], { cwd: mirror.dir })
    return commit
  })
}

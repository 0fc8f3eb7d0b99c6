import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../root.ts'

export type Built = {
  /** The folder that holds the page. */
  folder: string
  /** False when what there was is of the same sources. */
  built: boolean
  took_ms: number
}

/** What goes into the page: its own sources, the domain's tables and types, and the libraries' versions. */
const sources = ['web', 'core', 'package-lock.json', 'package.json']
const deadlineMs = 120_000
const stampName = '.sources'

/**
 * Builds the dashboard where its sources have changed. In a process of its own: what the bundler needs of memory
 * goes back when it ends. Two builds at once are harmless, the last one stays.
 * @throws Error with what the bundler said
 */
export const buildDashboard = async (folder = join(root, 'dist/web')): Promise<Built> => {
  const began = performance.now()
  const stamp = await hashSources()
  const took = () => Math.round(performance.now() - began)
  if ((await stampOf(folder)) === stamp) return { folder, built: false, took_ms: took() }
  const next = `${folder}.${process.pid}`
  try {
    await bundle(next)
    await writeFile(join(next, stampName), stamp)
    await rm(folder, { recursive: true, force: true })
    await mkdir(join(folder, '..'), { recursive: true })
    await rename(next, folder)
  } finally {
    await rm(next, { recursive: true, force: true })
  }
  return { folder, built: true, took_ms: took() }
}

const stampOf = (folder: string): Promise<string | null> =>
  readFile(join(folder, stampName), 'utf8').catch(() => null)

const filesOf = async (path: string): Promise<string[]> => {
  const entries = await readdir(join(root, path), { recursive: true, withFileTypes: true }).catch(() => null)
  if (entries === null) return [join(root, path)]
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** One number for all that goes in: names and bytes. */
export const hashSources = async (): Promise<string> => {
  const files = (await Promise.all(sources.map(filesOf))).flat().sort()
  const hash = createHash('sha256')
  for (const file of files) {
    if (file.endsWith('.test.ts')) continue
    hash
      .update(file.slice(root.length))
      .update('\0')
      .update(await readFile(file))
      .update('\0')
  }
  return hash.digest('hex')
}

const bundle = (folder: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', join(root, 'local/dashboard/bundle.ts'), folder],
      {
        cwd: root,
        // A test's NODE_ENV would bring React's development build, and leave it behind for the next start.
        env: { ...process.env, NODE_ENV: 'production' },
        stdio: ['ignore', 'ignore', 'pipe'],
        timeout: deadlineMs,
      },
    )
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-4_000)
    })
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      if (code === 0) resolve()
      else reject(new Error(`The dashboard could not be built (${signal ?? `exit ${code}`}): ${said.trim()}`))
    })
  })

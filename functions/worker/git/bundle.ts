import { spawn } from 'node:child_process'
import { open } from 'node:fs/promises'
import type { Mirror } from './mirror.ts'
import { git, gitEnvironment, gitText } from './run.ts'

/** Writes `base..commit` as a bundle file. False (and no file) when there is nothing between them. */
export async function writeBundle(mirror: Mirror, file: string, name: string, base: string, commit: string) {
  const range = ['rev-list', '--max-count=1', commit, `^${base}`, '--']
  if ((await gitText(range, { cwd: mirror.dir })) === '') return false
  const ref = `refs/orchestrator/out/${name}`
  await mirror.locked(() => git(['update-ref', ref, commit], { cwd: mirror.dir }))
  const args = ['bundle', 'create', '--quiet', file, ref, `^${base}`]
  await git(args, { cwd: mirror.dir, deadline: 300_000 })
  return true
}

/** Takes a bundle's commits into the mirror. `name` keeps them from being collected. */
export async function readBundle(mirror: Mirror, file: string, name: string) {
  const refspec = `+refs/orchestrator/out/*:refs/orchestrator/in/${name}/*`
  const args = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--', file, refspec]
  await mirror.locked(() => git(args, { cwd: mirror.dir, deadline: 300_000 }))
}

/** Forgets the refs that held an attempt's own bundles. */
export async function dropRefs(mirror: Mirror, names: string[]) {
  await mirror.locked(async () => {
    for (const name of names) {
      await git(['update-ref', '-d', `refs/orchestrator/out/${name}`], { cwd: mirror.dir, codes: [1, 128] })
    }
  })
}

/** Writes the unified patch `from..to` (binary files included) into a file, however long it is. */
export async function writePatch(dir: string, file: string, from: string, to: string, deadline = 120_000) {
  const target = await open(file, 'w')
  try {
    const args = [
      'diff',
      '--binary',
      '--no-ext-diff',
      '--no-textconv',
      '--no-color',
      '--find-renames',
      from,
      to,
      '--',
    ]
    await new Promise<void>((resolve, reject) => {
      const child = spawn('git', args, {
        cwd: dir,
        env: gitEnvironment(),
        stdio: ['ignore', target.fd, 'ignore'],
        timeout: deadline,
        killSignal: 'SIGKILL',
      })
      child.on('error', reject)
      child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`git diff exited with ${code}`))))
    })
  } finally {
    await target.close()
  }
}

/** How much differs between two commits. */
export async function diffStat(dir: string, from: string, to: string) {
  const args = ['diff', '--numstat', '--no-ext-diff', '--find-renames', '-z', from, to, '--']
  const { stdout } = await git(args, { cwd: dir, deadline: 120_000 })
  const rows = [...stdout.matchAll(/(?:^|\0)(\d+|-)\t(\d+|-)\t/g)]
  const sum = (column: 1 | 2) => rows.reduce((total, row) => total + (Number(row[column]) || 0), 0)
  return { files: rows.length, insertions: sum(1), deletions: sum(2) }
}

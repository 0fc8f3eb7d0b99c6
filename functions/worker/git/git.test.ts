import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { diffStat, readBundle, writeBundle, writePatch } from './bundle.ts'
import { concludeMerge, type Input, mergeInputs, narrowest } from './merge.ts'
import { emptyRoot, fetchMirror, hasCommit, type Mirror, Mirrors, resolveBase } from './mirror.ts'
import { pushBranch } from './push.ts'
import { git, gitEnvironment, withoutCredentials } from './run.ts'
import { openSnapshot, takeSnapshot } from './snapshot.ts'
import { addWorktree, commitAll, headOf, removeWorktree } from './worktree.ts'

let folder: string
let mirrors: Mirrors

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'git-'))
  mirrors = new Mirrors(join(folder, 'mirrors'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function sh(command: string) {
  const env = {
    ...process.env,
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@b',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@b',
  }
  return execFileSync('bash', ['-c', command], { cwd: folder, env, encoding: 'utf8' }).trim()
}

function repository(name = 'repo') {
  sh(
    `git init -q -b trunk ${name} && cd ${name} && printf 'a\\nb\\nc\\n' > file.txt && git add . && git commit -qm first && git tag v1`,
  )
  return join(folder, name)
}

/** A worktree on a base with one file changed and committed. */
async function work(mirror: Mirror, name: string, base: string, file: string, content: string) {
  const dir = join(folder, name)
  await addWorktree(mirror, dir, base)
  await writeFile(join(dir, file), content)
  return { dir, commit: await commitAll(dir, `Do ${name}\n\nTask: ${name}`) }
}

test('the empty root has the same id everywhere', async () => {
  const here = await mirrors.open(null)
  const there = await new Mirrors(join(folder, 'other')).open(null)
  expect(await emptyRoot(here)).toBe(await emptyRoot(there))
})

test('a base is a branch, a tag, a commit, or the default branch', async () => {
  const url = repository()
  const first = sh('git -C repo rev-parse HEAD')
  sh(
    'cd repo && git checkout -qb other && echo x > x && git add . && git commit -qm second && git checkout -q trunk',
  )
  const mirror = await mirrors.open(url)
  await fetchMirror(mirror)
  for (const base of [null, 'trunk', 'v1', first, first.slice(0, 10)])
    expect(await resolveBase(mirror, base)).toBe(first)
  expect(await resolveBase(mirror, 'other')).toBe(sh('git -C repo rev-parse other'))
  await expect(resolveBase(mirror, 'nope')).rejects.toThrow('no branch, tag or commit "nope"')
  expect(await mirrors.urls()).toEqual([url])
})

test('a shallow clone is a repository like another', async () => {
  const url = repository()
  sh(
    `cd repo && echo x > x && git add . && git commit -qm second && cd .. && git clone -q --depth 1 file://${url} shallow`,
  )
  const mirror = await mirrors.open(join(folder, 'shallow'))
  await fetchMirror(mirror)
  const base = await resolveBase(mirror, 'trunk')
  expect(base).toBe(sh('git -C shallow rev-parse HEAD'))
  const { dir, commit } = await work(mirror, 'task', base, 'file.txt', 'new')
  await pushBranch(mirror, 'orchestrator/ses_1', commit)
  expect(sh('git -C shallow log --format=%s orchestrator/ses_1')).toBe('Do task\nsecond')
  await removeWorktree(mirror, dir)
})

test('a repository without a commit starts from the empty root', async () => {
  sh('git init -q -b main void')
  const mirror = await mirrors.open(join(folder, 'void'))
  await fetchMirror(mirror)
  expect(await resolveBase(mirror, null)).toBe(await emptyRoot(mirror))
})

test('a repository that is not there is final, an unreachable one is not', async () => {
  const missing = await mirrors.open(join(folder, 'nowhere'))
  await expect(fetchMirror(missing)).rejects.toMatchObject({
    name: 'RepositoryUnavailable',
    retryable: false,
  })
  const refused = await mirrors.open('http://user:secret@127.0.0.1:9/x.git')
  const problem = await fetchMirror(refused).catch((error: Error) => error)
  expect(problem).toMatchObject({ retryable: true })
  expect(String(problem)).not.toContain('secret')
})

test('a remote helper that runs commands is refused, and so is a url that looks like an option', async () => {
  const evil = await mirrors.open(`ext::touch ${folder}/owned`)
  await expect(fetchMirror(evil)).rejects.toMatchObject({ retryable: false })
  const option = await mirrors.open(`--upload-pack=touch ${folder}/owned`)
  await expect(fetchMirror(option)).rejects.toThrow()
  expect(sh('ls')).not.toContain('owned')
})

test('a worker that serves the public fetches no path, no inside address and nothing that leads to one', async () => {
  const repo = repository()
  const shut = new Mirrors(join(folder, 'shut'), { reach: 'public', roots: [] })
  for (const url of [
    repo,
    `file://${repo}`,
    'https://127.0.0.1/a',
    `https://${hostname()}/a`,
    'http://example.com/a',
  ])
    await expect(fetchMirror(await shut.open(url))).rejects.toMatchObject({ retryable: false })
})

test('a link does not lead out of the folders that are shared', async () => {
  const repo = repository()
  sh(`mkdir shared && ln -s ${repo} shared/link && cp -r repo shared/own`)
  const some = new Mirrors(join(folder, 'some'), { reach: 'any', roots: [join(folder, 'shared')] })
  await fetchMirror(await some.open(join(folder, 'shared', 'own')))
  const leading = fetchMirror(await some.open(join(folder, 'shared', 'link')))
  await expect(leading).rejects.toThrow('leads out of the folders')
})

test('git gets none of our keys, and no settings of the machine', () => {
  process.env.ORCHESTRATOR_API_KEY = 'oio_secret'
  process.env.ANTHROPIC_API_KEY = 'sk-secret'
  const env = gitEnvironment()
  delete process.env.ORCHESTRATOR_API_KEY
  delete process.env.ANTHROPIC_API_KEY
  expect(JSON.stringify(env)).not.toContain('secret')
  expect(env).toMatchObject({ GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1', PATH: process.env.PATH })
})

test('mirrors that nobody came back to are removed, others stay', async () => {
  const [old, recent] = [repository('old'), repository('recent')]
  for (const url of [old, recent]) await fetchMirror(await mirrors.open(url))
  const later = new Mirrors(join(folder, 'mirrors'))
  const { dir } = await new Mirrors(join(folder, 'mirrors')).open(old)
  await utimes(join(dir, 'orchestrator-url'), new Date(), new Date(Date.now() - 31 * 86_400_000))
  await later.collect(30)
  expect(await later.urls()).toEqual([recent])
})

test('hooks of a repository never run', async () => {
  const url = repository()
  const mirror = await mirrors.open(url)
  await fetchMirror(mirror)
  sh(
    `printf '#!/bin/sh\\ntouch ${folder}/owned' > ${mirror.dir}/hooks/pre-commit && chmod +x ${mirror.dir}/hooks/pre-commit`,
  )
  await work(mirror, 'w', await resolveBase(mirror, null), 'new.txt', 'x\n')
  expect(sh('ls')).not.toContain('owned')
})

test('a commit without a change is the commit one stands at', async () => {
  const mirror = await mirrors.open(null)
  const root = await emptyRoot(mirror)
  const { dir, commit } = await work(mirror, 'w', root, 'a.txt', 'a\n')
  expect(await commitAll(dir, 'again')).toBe(commit)
  await removeWorktree(mirror, dir)
  expect((await git(['worktree', 'list', '--porcelain'], { cwd: mirror.dir })).stdout).not.toContain(dir)
})

test('a bundle carries the work to a mirror that only has the base', async () => {
  const url = repository()
  const mirror = await mirrors.open(url)
  await fetchMirror(mirror)
  const base = await resolveBase(mirror, null)
  const { commit } = await work(mirror, 'w', base, 'new.txt', 'x\n')
  const file = join(folder, 'out.bundle')
  expect(await writeBundle(mirror, file, 'w', base, commit)).toBe(true)
  expect(await writeBundle(mirror, join(folder, 'none.bundle'), 'w', base, base)).toBe(false)
  const other = await new Mirrors(join(folder, 'other')).open(url)
  await fetchMirror(other)
  expect(await hasCommit(other, commit)).toBe(false)
  await readBundle(other, file, 'art_1')
  expect(await hasCommit(other, commit)).toBe(true)
})

test('merging gives the same commit on two workers, whatever the time: it is dated by its parents', async () => {
  const url = repository()
  const branch = (key: string) =>
    `git checkout -qb ${key} trunk && echo ${key} > ${key}.txt && git add . && git commit -qm ${key}`
  sh(
    `cd repo && export GIT_COMMITTER_DATE='2001-02-03T04:05:06Z' && ${['one', 'two', 'three'].map(branch).join(' && ')}`,
  )
  const mirror = await mirrors.open(url)
  await fetchMirror(mirror)
  const base = await resolveBase(mirror, 'trunk')
  const inputs = ['two', 'three'].map((key) => ({ key, commit: sh(`git -C repo rev-parse ${key}`) }))
  const heads = []
  for (const name of ['here', 'there']) {
    await addWorktree(mirror, join(folder, name), base)
    expect(await mergeInputs(join(folder, name), inputs)).toBeNull()
    heads.push(await headOf(join(folder, name)))
  }
  expect(heads[0]).toBe(heads[1])
  expect(sh('git -C here log -1 --format=%ct')).toBe(String(Date.parse('2001-02-03T04:05:06Z') / 1_000))
})

/** Works from the base of the repository, each of which writes files of its own. */
async function works(mirror: Mirror, files: Record<string, [string, string][]>) {
  const base = await resolveBase(mirror, null)
  const inputs: Input[] = []
  for (const [key, written] of Object.entries(files)) {
    await addWorktree(mirror, join(folder, key), base)
    for (const [name, text] of written) await writeFile(join(folder, key, name), text)
    inputs.push({ key, commit: await commitAll(join(folder, key), key) })
  }
  return { base, inputs }
}

test('a conflict stops the merge and is concluded with both parents; then it does not come again', async () => {
  const url = repository()
  const mirror = await mirrors.open(url)
  await fetchMirror(mirror)
  const { base, inputs } = await works(mirror, {
    left: [['file.txt', 'left\n']],
    right: [['file.txt', 'right\n']],
  })
  const [left, right] = inputs
  if (!left || !right) throw new Error('two works')
  const dir = join(folder, 'merge')
  await addWorktree(mirror, dir, base)
  const met = await mergeInputs(dir, inputs)
  expect(met).toEqual({ merged: [left], left: [], input: right, files: ['file.txt'] })
  expect(await readFile(join(dir, 'file.txt'), 'utf8')).toMatch(/^<{7} .*\nleft\n={7}\nright\n>{7} /)
  await writeFile(join(dir, 'file.txt'), 'both\n')
  const joined = await concludeMerge(dir, left.commit, right.commit, 'Join')
  expect(sh('git -C merge log -1 --format=%P').split(' ')).toEqual([left.commit, right.commit])

  const again = join(folder, 'again')
  await addWorktree(mirror, again, base)
  expect(await mergeInputs(again, [...inputs, { key: 'merge-1', commit: joined }])).toBeNull()
  expect(await headOf(again)).toBe(joined)
})

test('of several commits the two that conflict are named; all of them where no two do', async () => {
  const url = repository()
  const mirror = await mirrors.open(url)
  await fetchMirror(mirror)
  const { base, inputs } = await works(mirror, {
    other: [['other.txt', 'o\n']],
    left: [['file.txt', 'left\n']],
    right: [
      ['file.txt', 'right\n'],
      ['more.txt', 'm\n'],
    ],
  })
  const dir = join(folder, 'merge')
  await addWorktree(mirror, dir, base)
  const met = await mergeInputs(dir, inputs)
  if (!met) throw new Error('no conflict')
  const head = await headOf(dir)
  const [other, left, right] = inputs.map(({ commit }) => commit)
  const pair = { keys: ['left', 'right'], commits: [left, right], files: ['file.txt'] }
  expect(await narrowest(dir, head, met)).toEqual(pair)
  const merged = met.merged.filter(({ key }) => key === 'other')
  const all = { keys: ['other', 'right'], commits: [head, right], files: ['file.txt'] }
  expect(await narrowest(dir, head, { ...met, merged })).toEqual(all)
  expect(other).not.toBe(head)
})

test('a snapshot holds changed, new and deleted files and leaves the worktree’s index alone', async () => {
  const url = repository()
  const mirror = await mirrors.open(url)
  await fetchMirror(mirror)
  const base = await resolveBase(mirror, null)
  const { dir } = await work(mirror, 'w', base, 'second.txt', '2\n')
  const head = await headOf(dir)
  sh('cd w && echo new > new.txt && rm file.txt && echo changed > second.txt && echo staged > s && git add s')
  const before = sh('git -C w status --short')
  const index = join(folder, 'index')
  const first = await takeSnapshot(dir, index, 'one')
  expect(sh('git -C w status --short')).toBe(before)
  sh('cd w && rm new.txt && echo third > third.txt')
  const second = await takeSnapshot(dir, index, 'two')
  expect(second.tree).not.toBe(first.tree)

  const again = join(folder, 'again')
  await addWorktree(mirror, again, second.commit)
  expect(await openSnapshot(again, second.commit)).toBe(head)
  expect(sh('ls again').split('\n')).toEqual(['s', 'second.txt', 'third.txt'])
  expect(await readFile(join(again, 'second.txt'), 'utf8')).toBe('changed\n')
})

test('a patch applies, and its numbers are git’s', async () => {
  const url = repository()
  const mirror = await mirrors.open(url)
  await fetchMirror(mirror)
  const base = await resolveBase(mirror, null)
  const { dir, commit } = await work(mirror, 'w', base, 'file.txt', 'a\nB\nc\nd\n')
  await writePatch(dir, join(folder, 'p.patch'), base, commit)
  sh('cd repo && git apply ../p.patch')
  expect(await readFile(join(url, 'file.txt'), 'utf8')).toBe('a\nB\nc\nd\n')
  expect(await diffStat(dir, base, commit)).toEqual({ files: 1, insertions: 2, deletions: 1 })
})

test('a push lands on its branch, is repeatable, and a refusal is an answer', async () => {
  const url = repository()
  const mirror = await mirrors.open(url)
  await fetchMirror(mirror)
  const { commit } = await work(mirror, 'w', await resolveBase(mirror, null), 'new.txt', 'x\n')
  const branch = 'orchestrator/ses_1'
  for (let n = 0; n < 2; n += 1)
    expect(await pushBranch(mirror, branch, commit)).toEqual({ branch, pushed: true })
  expect(sh(`git -C repo rev-parse ${branch}`)).toBe(commit)
  expect(await pushBranch(mirror, 'trunk', commit)).toMatchObject({ branch: null, pushed: false })
  expect(await pushBranch(await mirrors.open(null), branch, commit)).toMatchObject({ pushed: false })
})

test('credentials are taken out of what is reported', () => {
  expect(withoutCredentials('fatal: https://me:pass@host/x.git')).toBe('fatal: https://host/x.git')
})

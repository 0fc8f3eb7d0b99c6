import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newId } from '#core/id'
import type { Assignment } from '#core/task/wire'
import { defaultTiming, type WorkerConfig } from '#functions/worker/config'
import type { EngineEvent } from '#functions/worker/engine/engine'
import { type Script, scriptedEngine } from '#functions/worker/engine/scripted'
import { runWorker } from '#functions/worker/worker'
import { assignment, ControlPlane } from './control-plane.ts'

let folder: string
let plane: ControlPlane
let stop: AbortController
let running: Promise<number> | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'worker-'))
  plane = await new ControlPlane().start()
  stop = new AbortController()
  running = undefined
})
afterEach(async () => {
  stop.abort()
  await running
  await plane.stop()
  await rm(folder, { recursive: true, force: true })
})

function startWorker(script: Script, timing: Partial<WorkerConfig['timing']> = {}, name = 'one') {
  const config: WorkerConfig = {
    apiUrl: plane.url,
    name,
    capabilities: ['CODE_GENERATION'],
    capacity: 2,
    labels: [],
    home: join(folder, name),
    model: { kind: 'rehearsal', url: '' },
    timing: { ...defaultTiming, checkpointEvery: 0, ...timing },
  }
  running = runWorker(config, {
    engine: scriptedEngine(script),
    signal: stop.signal,
    log: (event, fields) => {
      if (process.env.WORKER_LOG) console.log(event, JSON.stringify(fields))
    },
  })
  return running
}

function text(value: string): EngineEvent {
  return { type: 'log', data: { stream: 'text', text: value } }
}

async function* writes(directory: string, file: string, content: string): AsyncGenerator<EngineEvent> {
  await writeFile(join(directory, file), content)
  yield { type: 'tool_finished' }
  yield text(`wrote ${file}`)
}

function sh(command: string, cwd = folder) {
  const env = {
    ...process.env,
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@b',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@b',
  }
  return execFileSync('bash', ['-c', command], { cwd, env, encoding: 'utf8' }).trim()
}

/** A repository with one file of three lines. */
function repository() {
  sh(
    'git init -q -b main repo && cd repo && printf "a\\nb\\nc\\n" > file.txt && git add . && git commit -qm first',
  )
  return { url: join(folder, 'repo'), base: null }
}

function inRepository(repo: { url: string; base: null }) {
  return { session: { id: newId('session'), title: 'S', prompt: 'p', repository: repo, labels: [] } }
}

/** The work of two tasks that start from the same commit, as inputs of a third. */
async function twoWorks(session: Pick<Assignment, 'session'>, files: [string, string]) {
  const inputs: Assignment['inputs'] = []
  let base: string | null = null
  for (const [i, key] of ['left', 'right'].entries()) {
    const given = assignment({ key, title: `Do ${key}`, instruction: files[i] ?? '' }, session)
    const ended = await plane.offer(given)
    if (ended.call !== 'complete' || !ended.body.commit) throw new Error(JSON.stringify(ended))
    base = ended.body.base_commit
    inputs.push({
      task_id: given.task.id,
      key,
      commit: ended.body.commit,
      artifact_id: ended.body.artifact_id,
    })
  }
  return { inputs, base_commit: base }
}

/** Writes what the instruction says, "file=content"; resolves conflicts by keeping both sides. */
const obedient: Script = async function* ({ directory, prompt }) {
  const conflicted = /conflicted files:\n- (.+)/.exec(prompt)?.[1]
  if (conflicted) {
    const now = await readFile(join(directory, conflicted), 'utf8')
    yield* writes(directory, conflicted, now.replace(/^(<{7}|={7}|>{7}).*\n/gm, ''))
    return
  }
  const [, file = 'none', content = ''] = /(\w+\.txt)=(.*)/.exec(prompt) ?? []
  yield* writes(directory, file, `${content}\n`)
}

test('work without a repository becomes a commit on the empty root, a bundle and a patch', async () => {
  startWorker(obedient)
  const given = assignment({
    instruction: 'hello.txt=hi',
    checks: [{ command: 'cat hello.txt', timeout_seconds: 10 }],
  })
  const ended = await plane.offer(given)
  expect(ended.call).toBe('complete')
  if (ended.call !== 'complete') return
  expect(ended.body.diff).toEqual({ files: 1, insertions: 1, deletions: 0 })
  expect(ended.body.checks).toMatchObject([{ command: 'cat hello.txt', exit_code: 0, output_tail: 'hi\n' }])
  expect(plane.text(given.task.id, 'stdout')).toBe('hi\n')
  expect(plane.artifacts.get(ended.body.patch_artifact_id ?? '')?.toString()).toContain('+hi')
  expect(plane.problems).toEqual([])
})

test('a work that changed nothing completes with the commit it started from', async () => {
  startWorker(async function* () {
    yield text('nothing to do')
  })
  const ended = await plane.offer(assignment())
  expect(ended).toMatchObject({ call: 'complete', body: { artifact_id: null, patch_artifact_id: null } })
  if (ended.call === 'complete') expect(ended.body.commit).toBe(ended.body.base_commit)
})

test('an integration merges without an engine and pushes the branch of the session', async () => {
  const session = inRepository(repository())
  startWorker(obedient)
  const works = await twoWorks(session, ['one.txt=1', 'two.txt=2'])
  const given = assignment({ kind: 'INTEGRATION', key: 'integrate' }, { ...session, ...works })
  const ended = await plane.offer(given)
  const branch = `orchestrator/${given.session.id}`
  expect(ended).toMatchObject({
    call: 'complete',
    body: { branch, push: { pushed: true }, diff: { files: 2 } },
  })
  expect(sh(`git show ${branch}:one.txt && git show ${branch}:two.txt`, join(folder, 'repo'))).toBe('1\n2')
})

test('a branch that is checked out where it would be pushed is a refusal with its reason, not a failure', async () => {
  const session = inRepository(repository())
  sh(`cd repo && git checkout -qb orchestrator/${session.session.id}`)
  startWorker(obedient)
  const works = await twoWorks(session, ['one.txt=1', 'two.txt=2'])
  const ended = await plane.offer(
    assignment({ kind: 'INTEGRATION', key: 'integrate' }, { ...session, ...works }),
  )
  expect(ended).toMatchObject({ call: 'complete', body: { branch: null, push: { pushed: false } } })
  if (ended.call === 'complete') expect(ended.body.push?.reason).toMatch(/checked out/)
})

test('commits that conflict are handed back with what conflicts, and nothing was tried', async () => {
  const session = inRepository(repository())
  startWorker(obedient)
  const works = await twoWorks(session, ['file.txt=left', 'file.txt=right'])
  for (const kind of ['WORK', 'INTEGRATION'] as const) {
    const given = assignment({ kind, key: 'third' }, { ...session, ...works })
    expect(await plane.offer(given)).toMatchObject({
      call: 'release',
      body: {
        reason: 'merge_conflict',
        conflict: {
          keys: ['left', 'right'],
          commits: works.inputs.map(({ commit }) => commit),
          files: ['file.txt'],
        },
      },
    })
    expect(plane.seen(given.task.id).checkpoints).toEqual([])
  }
  stop.abort()
  await running
  expect(await readdir(join(folder, 'one', 'work'))).toEqual([])
})

/** A MERGE of two works that wrote the same line. */
async function aMerge(session: Pick<Assignment, 'session'>, checks: Assignment['task']['checks'] = []) {
  const works = await twoWorks(session, ['file.txt=left', 'file.txt=right'])
  const instruction = 'conflicted files:\n- file.txt'
  return assignment({ kind: 'MERGE', key: 'merge-1', instruction, checks }, { ...session, ...works })
}

test('a merge task resolves the conflict, proves it, and its commit has both as parents', async () => {
  const session = inRepository(repository())
  startWorker(obedient)
  const given = await aMerge(session, [{ command: 'grep left file.txt', timeout_seconds: 10 }])
  const ended = await plane.offer(given)
  if (ended.call !== 'complete') throw new Error(JSON.stringify(ended))
  expect(ended.body.checks).toMatchObject([
    { command: expect.stringContaining("'file.txt'"), exit_code: 0 },
    { command: 'grep left file.txt', exit_code: 0 },
  ])
  expect(ended.body).not.toHaveProperty('push')
  const merge = {
    key: 'merge-1',
    task_id: given.task.id,
    commit: ended.body.commit ?? '',
    artifact_id: ended.body.artifact_id,
  }
  const inputs = [...given.inputs, merge]
  const { base_commit } = given
  const last = assignment({ kind: 'INTEGRATION', key: 'integrate' }, { ...session, inputs, base_commit })
  expect(await plane.offer(last)).toMatchObject({ call: 'complete', body: { commit: merge.commit } })
  const branch = `orchestrator/${last.session.id}`
  const repo = join(folder, 'repo')
  expect(sh(`git show ${branch}:file.txt`, repo)).toBe('left\nright')
  expect(sh(`git log -1 --format=%P ${branch}`, repo).split(' ')).toEqual(
    given.inputs.map(({ commit }) => commit),
  )
})

test('markers that are left are told the engine once; left again they fail the attempt', async () => {
  const prompts: string[] = []
  startWorker(async function* (turn) {
    prompts.push(turn.prompt)
    if (turn.prompt.includes('conflicted files')) yield text('Looks fine to me.')
    else yield* obedient(turn)
  })
  const ended = await plane.offer(await aMerge(inRepository(repository())))
  expect(ended).toMatchObject({ call: 'fail', body: { code: 'check_failed', retryable: true } })
  if (ended.call === 'fail') expect(ended.body.message).toMatch(/file\.txt:1:<{7} /)
  expect(prompts.at(-1)).toMatch(/file\.txt:5:>{7} /)
})

test('a failing check is repaired once within the attempt', async () => {
  startWorker(async function* ({ directory, prompt }) {
    yield* writes(directory, 'hello.txt', prompt.includes('A check of this task') ? 'good\n' : 'bad\n')
  })
  const ended = await plane.offer(
    assignment({ checks: [{ command: 'grep good hello.txt', timeout_seconds: 10 }] }),
  )
  expect(ended).toMatchObject({ call: 'complete', body: { checks: [{ exit_code: 0 }] } })
})

test('a check that fails after the repair fails the attempt', async () => {
  startWorker(obedient)
  const checks = [{ command: 'echo no such luck; exit 4', timeout_seconds: 10 }]
  const ended = await plane.offer(assignment({ instruction: 'a.txt=1', checks }))
  expect(ended).toMatchObject({ call: 'fail', body: { code: 'check_failed', retryable: true } })
  if (ended.call === 'fail') expect(ended.body.message).toContain('no such luck')
})

test('a repository that does not exist fails at once and for good', async () => {
  startWorker(obedient)
  const ended = await plane.offer(assignment({}, inRepository({ url: join(folder, 'nowhere'), base: null })))
  expect(ended).toMatchObject({ call: 'fail', body: { code: 'repository_unavailable', retryable: false } })
})

test('a plan that is never submitted is asked for once more, then fails', async () => {
  const prompts: string[] = []
  startWorker(async function* ({ prompt }) {
    prompts.push(prompt)
    yield text('I would rather not')
  })
  const ended = await plane.offer(assignment({ kind: 'PLAN', key: 'plan' }))
  expect(ended).toMatchObject({ call: 'fail', body: { code: 'plan_missing' } })
  expect(prompts).toHaveLength(2)
})

/** Works until it is interrupted. */
const endless: Script = async function* ({ directory, prompts, signal }) {
  await writeFile(join(directory, 'half.txt'), `${prompts.length}\n`)
  yield { type: 'tool_finished' }
  yield text('working')
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

test('an interrupt checkpoints and releases; the next attempt has the files and the memory', async () => {
  startWorker(endless)
  const given = assignment()
  const ended = plane.offer(given)
  await plane.until(given.task.id, ({ logs }) => logs.length > 0)
  plane.send('INTERRUPT', given, { reason: 'pause' })
  expect(await ended).toMatchObject({ call: 'release', body: { reason: 'pause' } })
  const last = plane.seen(given.task.id).checkpoints.at(-1)
  expect(last).toMatchObject({ trigger: 'BEFORE_PAUSE' })
  stop.abort()
  await running
  stop = new AbortController()
  const prompts: string[][] = []
  startWorker(
    async function* (turn) {
      prompts.push([...turn.prompts])
      yield* writes(turn.directory, 'rest.txt', 'rest\n')
    },
    {},
    'two',
  )
  const resume = last && {
    number: 1,
    artifact_id: last.artifact_id,
    commit: last.commit,
    engine: last.engine,
  }
  const task = { ...given.task, attempt: 2 }
  const again = await plane.offer({ ...given, task, resume: resume ?? null })
  expect(again).toMatchObject({ call: 'complete', body: { diff: { files: 2 } } })
  expect(prompts).toHaveLength(1)
  expect(prompts[0]).toHaveLength(1)
})

test('a retry that goes on from a snapshot is told what failed, and may repair once more', async () => {
  const prompts: string[] = []
  const half: Script = async function* ({ directory, prompt }) {
    prompts.push(prompt.split('\n')[0] ?? '')
    yield* writes(directory, 'n.txt', `${prompts.length}\n`)
  }
  const exit = startWorker(half)
  const given = assignment({ checks: [{ command: 'grep 5 n.txt', timeout_seconds: 10 }] })
  expect(await plane.offer(given)).toMatchObject({ call: 'fail', body: { code: 'check_failed' } })
  stop.abort()
  await exit
  stop = new AbortController()
  startWorker(half, {}, 'two')
  const last = plane.seen(given.task.id).checkpoints.at(-1)
  if (!last) throw new Error('no checkpoint')
  // As if it had been taken at the very end: both turns are over.
  const progress = Object(last.engine.worker)
  const worker = { ...progress, turn: 'repair-0', done: ['work', 'repair-0'] }
  const { artifact_id, commit, engine } = last
  const ended = await plane.offer({
    ...given,
    task: { ...given.task, attempt: 2, failures: 1 },
    resume: { number: 1, artifact_id, commit, engine: { ...engine, worker } },
    previous_error: { code: 'check_failed', message: 'exit 1' },
  })
  expect(ended).toMatchObject({ call: 'complete' })
  expect(prompts).toEqual([
    expect.stringContaining('You work on one task'),
    'A check of this task exited with 1:',
    // This engine plays the last turn of its memory again.
    'A check of this task exited with 1:',
    '# The last attempt at this failed (check_failed)',
    'A check of this task exited with 1:',
  ])
})

test('a fenced attempt is abandoned silently and leaves nothing behind', async () => {
  startWorker(endless)
  const given = assignment()
  void plane.offer(given)
  await plane.until(given.task.id, ({ checkpoints }) => checkpoints.length > 0)
  plane.fence(given)
  plane.send('MESSAGE', given, { message_id: 'm1', text: 'hello?' })
  const next = await plane.offer(assignment({ deadline: new Date(Date.now() + 500).toISOString() }))
  expect(next).toMatchObject({ call: 'fail', body: { code: 'timeout' } })
})

test('a worker that is asked to end releases what it holds and exits with 0', async () => {
  const exit = startWorker(endless)
  const given = assignment()
  const ended = plane.offer(given)
  await plane.until(given.task.id, ({ logs }) => logs.length > 0)
  stop.abort()
  expect(await ended).toMatchObject({ call: 'release', body: { reason: 'shutdown' } })
  expect(await exit).toBe(0)
})

test('a worker whose name was taken over exits with 3', async () => {
  const exit = startWorker(endless, { heartbeat: 50 })
  const given = assignment()
  void plane.offer(given)
  await plane.until(given.task.id, ({ logs }) => logs.length > 0)
  plane.token = 'of another'
  expect(await exit).toBe(3)
})

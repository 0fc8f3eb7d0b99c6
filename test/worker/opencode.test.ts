import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Json } from '#functions/worker/engine/engine'
import { opencodeBinary } from '#functions/worker/engine/opencode/config'
import { startModel } from '#local/model/server'
import { assignment, ControlPlane, type Seen } from './control-plane.ts'

// The real OpenCode, as a process of its own so that it can be killed, against the rehearsal model.
const real = existsSync(opencodeBinary()) ? test : test.skip
// Each starts OpenCode once or twice, which takes seconds even where nothing else runs.
vi.setConfig({ testTimeout: 90_000 })

let model: Awaited<ReturnType<typeof startModel>>
let folder: string
let plane: ControlPlane
let workers: { child: ChildProcess; exited: Promise<number | null> }[]

beforeAll(async () => {
  model = await startModel({ port: 0 })
})
afterAll(() => model.stop())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opencode-'))
  plane = await new ControlPlane().start()
  workers = []
})
afterEach(async () => {
  for (const { child, exited } of workers) {
    child.kill('SIGKILL')
    await exited
  }
  await plane.stop()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
})

function startWorker(name: string) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'functions/worker/main.ts'], {
    env: {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      ORCHESTRATOR_API_URL: plane.url,
      AGENT_NAME: name,
      AGENT_HOME: join(folder, name),
      AGENT_CHECKPOINT_EVERY_MS: '0',
      REHEARSAL_MODEL_URL: model.url,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
    if (process.env.WORKER_LOG) process.stdout.write(chunk)
  })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const started = { child, exited, output: () => output }
  workers.push(started)
  return started
}

/** An instruction that makes the rehearsal model do exactly these steps. */
function script(steps: Json[]) {
  return `Do as rehearsed.\n<<rehearsal ${JSON.stringify({ steps })} >>`
}

function bash(command: string) {
  return { tools: [{ name: 'bash', args: { command, description: 'a step' } }] }
}

function write(filePath: string, content: string) {
  return { tools: [{ name: 'write', args: { filePath, content } }] }
}

/** Processes whose command line or environment names the folder of this test. */
function processes() {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false
    try {
      const about =
        readFileSync(`/proc/${pid}/environ`, 'latin1') + readFileSync(`/proc/${pid}/cmdline`, 'latin1')
      return about.includes(folder)
    } catch {
      return false
    }
  })
}

async function gone() {
  const until = Date.now() + 5_000
  while (processes().length > 0 && Date.now() < until) await new Promise((resolve) => setImmediate(resolve))
  return processes()
}

function called(status: string) {
  return ({ logs }: Seen) => logs.some((log) => log.stream === 'tool' && log.status === status)
}

real('real OpenCode edits, runs, streams and counts; an agent sees none of our secrets', async () => {
  startWorker('one')
  const steps = [
    {
      reasoning: 'I think.',
      text: 'I begin.',
      ...bash('echo seen; env | grep -c -i "ORCHESTRATOR_\\|AGENT_"; true'),
    },
    write('hello.txt', 'hello\n'),
    { text: 'I wrote hello.txt.' },
  ]
  const given = assignment({
    instruction: script(steps),
    checks: [{ command: 'grep hello hello.txt', timeout_seconds: 10 }],
  })
  const ended = await plane.offer(given)
  expect(ended).toMatchObject({
    call: 'complete',
    body: { summary: 'I wrote hello.txt.', diff: { files: 1 } },
  })
  const { id } = given.task
  expect(plane.text(id, 'thought')).toBe('I think.')
  expect(plane.text(id, 'text')).toBe('I begin.I wrote hello.txt.')
  expect(plane.text(id, 'stdout')).toContain('seen\n0\n')
  expect(plane.seen(id).usage).toBeGreaterThan(0)
  expect(plane.registrations[0]?.engine).toMatchObject({ name: 'opencode', rehearsal: true })
  expect(plane.problems).toEqual([])
})

real('an agent finds neither the keys of its engine nor those of its machine', async () => {
  await mkdir(join(folder, '.ssh'))
  await writeFile(join(folder, '.ssh', 'id'), 'a private key of the machine')
  startWorker('one')
  const secret = 'SERVER_PASSWORD=\\|CONFIG_CONTENT=\\|REHEARSAL_MODEL_URL='
  const look = `echo seen; env | grep -c '${secret}'; cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -c '${secret}'; ls -A ${folder}/.ssh | wc -l`
  const read = (filePath: string) => ({ tools: [{ name: 'read', args: { filePath } }] })
  const steps = [bash(look), read('/proc/self/environ'), read(join(folder, '.ssh', 'id')), { text: 'Done.' }]
  const given = assignment({
    instruction: script(steps),
    checks: [{ command: `! grep -r private ${folder}/.ssh`, timeout_seconds: 10 }],
  })
  const ended = await plane.offer(given)
  expect(ended.call).toBe('complete')
  const { id } = given.task
  expect(plane.text(id, 'stdout')).toContain('seen\n0\n0\n0\n')
  const everything = JSON.stringify(plane.seen(id).logs)
  expect(everything).not.toMatch(/OPENCODE_SERVER_PASSWORD=|a private key/)
})

real('the plan comes through our tool, and its errors go back to the model', async () => {
  startWorker('one')
  const ended = await plane.offer(assignment({ kind: 'PLAN', key: 'plan', title: 'Plan', instruction: '' }))
  expect(ended.call).toBe('complete')
  if (ended.call === 'complete') expect(ended.body.plan?.tasks.length).toBeGreaterThan(0)
})

real('subtasks come through our tool, and what is wrong with them goes back to the model', async () => {
  startWorker('one')
  const part = { key: 'part', title: 'A part', instruction: 'Do it.', capability: 'TESTING' }
  const add = (tasks: Json[]) => ({ tools: [{ name: 'orchestrator_subtask_add', args: { tasks } }] })
  const steps = [
    add([{ ...part, capability: 'no word' }]),
    add([part, { ...part, key: 'rest', depends_on: ['part'] }]),
    write('frame.txt', 'frame\n'),
    { text: 'The frame is there; its parts are tasks.' },
  ]
  const given = assignment({ instruction: script(steps) })
  const ended = await plane.offer(given)
  expect(ended).toMatchObject({ call: 'complete', body: { diff: { files: 1 } } })
  const { subtasks, logs } = plane.seen(given.task.id)
  expect(subtasks).toMatchObject([{ key: 'part' }, { key: 'rest', depends_on: ['part'] }])
  const answers = logs.filter(
    ({ tool, status }) => tool === 'orchestrator_subtask_add' && status !== 'running',
  )
  expect(answers.map(({ text }) => text).join()).toMatch(/upper-case word.*BLOCKED/s)
})

real('after kill -9 nothing is left running, and another worker goes on with files and memory', async () => {
  const first = startWorker('one')
  const steps = [
    write('first.txt', 'first\n'),
    // The second time, should the call be made again, it ends at once.
    bash(`mkdir ${folder}/ran && echo started && (setsid sleep 300 &) && sleep 300`),
    write('second.txt', 'second\n'),
    { text: 'Both are there.' },
  ]
  const given = assignment({ instruction: script(steps) })
  void plane.offer(given)
  const { id } = given.task
  const started = (seen: Seen) =>
    seen.logs.some((log) => log.stream === 'stdout' && log.text.includes('started'))
  await plane.until(id, (seen) => started(seen) && seen.checkpoints.length > 0)
  expect(processes().length).toBeGreaterThan(3)
  first.child.kill('SIGKILL')
  expect(await gone()).toEqual([])

  startWorker('two')
  const last = plane.seen(id).checkpoints.at(-1)
  const resume = last
    ? { number: 1, artifact_id: last.artifact_id, commit: last.commit, engine: last.engine }
    : null
  const ended = await plane.offer({ ...given, task: { ...given.task, attempt: 2 }, resume })
  expect(ended).toMatchObject({ call: 'complete', body: { diff: { files: 2 } } })
  expect(plane.text(id, 'system')).toContain('Resumed from the last checkpoint, files and memory.')
  const written = plane.seen(id).logs.filter((log) => log.tool === 'write' && log.status === 'completed')
  expect(written).toHaveLength(1)
})

real(
  'a steering message reaches the running engine; SIGTERM checkpoints, releases and exits with 0',
  async () => {
    const worker = startWorker('one')
    const given = assignment({ instruction: script([write('a.txt', 'a\n'), bash('sleep 300')]) })
    const ended = plane.offer(given)
    await plane.until(given.task.id, called('running'))
    plane.send('MESSAGE', given, { message_id: 'msg_1', text: 'Be brief.' })
    await plane.until(
      given.task.id,
      ({ checkpoints }) =>
        checkpoints.some(({ engine }) => JSON.stringify(engine.worker).includes('msg_1')) ||
        checkpoints.length > 0,
    )
    worker.child.kill('SIGTERM')
    expect(await ended).toMatchObject({ call: 'release', body: { reason: 'shutdown' } })
    expect(await worker.exited).toBe(0)
    const last = plane.seen(given.task.id).checkpoints.at(-1)
    expect(last).toMatchObject({ trigger: 'BEFORE_PAUSE', engine: { worker: { delivered: ['msg_1'] } } })
    expect(await gone()).toEqual([])
    expect(await readFile(join(folder, 'one', 'work', given.task.id, 'a.txt')).catch(() => 'gone')).toBe(
      'gone',
    )
  },
)

real('a provider that refuses fails the attempt with its own words', async () => {
  startWorker('one')
  const marker = JSON.stringify({ error: { status: 401, times: 100 } })
  const ended = await plane.offer(assignment({ instruction: `<<rehearsal ${marker} >>` }))
  expect(ended).toMatchObject({ call: 'fail', body: { code: 'engine_failed', retryable: false } })
})

real('a question of the engine is answered by our policy, and the turn goes on', async () => {
  startWorker('one')
  const ask = { question: 'Which colour?', header: 'Colour', options: ['red', 'blue'] }
  const given = assignment({ instruction: `Ask first.\n<<rehearsal ${JSON.stringify({ ask })} >>` })
  expect(await plane.offer(given)).toMatchObject({ call: 'complete' })
  expect(plane.text(given.task.id, 'system')).toContain('Which colour? → red')
})

real('an OpenCode that dies under its work fails the attempt, which may be tried again', async () => {
  startWorker('one')
  const given = assignment({ instruction: script([bash('echo here; sleep 300')]) })
  const ended = plane.offer(given)
  await plane.until(given.task.id, called('running'))
  const commands = processes().map((pid) => ({ pid, line: readFileSync(`/proc/${pid}/cmdline`, 'latin1') }))
  const serving = commands.find(({ line }) => line.startsWith(opencodeBinary()))
  process.kill(Number(serving?.pid), 'SIGKILL')
  expect(await ended).toMatchObject({
    call: 'fail',
    body: { code: 'engine_failed', retryable: true },
  })
})

import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Isolation, probeIsolation, startIsolated } from './isolate.ts'

const here = import.meta.dirname
const modes: Isolation[] = ['namespace', 'user_namespace', 'guard']
const strongest = await probeIsolation()
// Where the system allows no namespaces, only the guard can be tried.
const possible = modes.filter((mode) => mode === 'guard' || modes.indexOf(mode) >= modes.indexOf(strongest))

function marked(mark: string) {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`MARK=${mark}`)
    } catch {
      return false
    }
  })
}

async function untilGone(mark: string) {
  const until = Date.now() + 5_000
  while (marked(mark).length > 0 && Date.now() < until) await new Promise((resolve) => setImmediate(resolve))
  return marked(mark)
}

/** A shell with a child that left its process group and its parent. */
const hiding = [
  'bash',
  '-c',
  '(setsid sleep 300 &) ; (setsid setsid sleep 300 & disown) ; echo ready; sleep 300',
]

test.each(possible)('with %s, kill -9 of the worker leaves nothing of what it started', async (isolation) => {
  const mark = randomUUID()
  const program = `
    const { startIsolated } = await import(${JSON.stringify(`${here}/isolate.ts`)})
    const options = { cwd: '/', env: { PATH: process.env.PATH, MARK: '${mark}' }, isolation: '${isolation}' }
    const { child } = await startIsolated(${JSON.stringify(hiding)}, options)
    child.stdout.pipe(process.stdout)`
  const worker = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise<void>((resolve) => worker.stdout.once('data', () => resolve()))
  expect(marked(mark).length).toBeGreaterThanOrEqual(3)
  worker.kill('SIGKILL')
  expect(await untilGone(mark)).toEqual([])
})

test.each(possible)('with %s, `end` ends the command and what hid from it', async (isolation) => {
  const mark = randomUUID()
  const env = { PATH: process.env.PATH ?? '', MARK: mark }
  const { child, end } = await startIsolated(hiding, { cwd: '/', env, isolation })
  await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()))
  await end()
  expect(await untilGone(mark)).toEqual([])
})

test.each(possible)('with %s, the exit code and the output are the command’s own', async (isolation) => {
  const env = { PATH: process.env.PATH ?? '' }
  const { child } = await startIsolated(['bash', '-c', 'echo out; exit 7'], { cwd: '/', env, isolation })
  let output = ''
  child.stdout?.on('data', (chunk) => {
    output += chunk
  })
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(7)
  expect(output).toBe('out\n')
})

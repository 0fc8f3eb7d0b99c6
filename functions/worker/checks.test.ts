import { expect, test } from 'vitest'
import { runCheck } from './checks.ts'

const env = { PATH: process.env.PATH ?? '' }

function run(command: string, timeout_seconds = 10, signal = new AbortController().signal) {
  const output: string[] = []
  const onOutput = async (stream: string, text: string) => {
    output.push(`${stream}: ${text}`)
  }
  return runCheck({ command, timeout_seconds }, { cwd: '/', env, signal, onOutput }).then((result) => ({
    result,
    output,
  }))
}

test('a check tells its exit code and streams both outputs', async () => {
  const { result, output } = await run('echo good; echo bad >&2; exit 3')
  expect(result).toMatchObject({ exit_code: 3 })
  expect(output.sort()).toEqual(['stderr: bad\n', 'stdout: good\n'])
})

test('a check that takes too long is ended, background processes too, and has no exit code', async () => {
  const { result } = await run('sleep 300 & sleep 300', 1)
  expect(result.exit_code).toBeNull()
  expect(result.output_tail).toContain('its time limit')
  expect(result.seconds).toBeLessThan(5)
})

test('only the tail of long output is kept, while all of it is streamed', async () => {
  const { result, output } = await run('seq 1 20000')
  expect(result.output_tail.length).toBe(8_000)
  expect(result.output_tail.endsWith('20000\n')).toBe(true)
  expect(output.map((line) => line.replace('stdout: ', '')).join('').length).toBe(108_894)
})

test('an abort ends a check, however early it comes', async () => {
  const stop = new AbortController()
  const ended = run('sleep 300', 300, stop.signal)
  stop.abort()
  expect((await ended).result.exit_code).toBeNull()
})

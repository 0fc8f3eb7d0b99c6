import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { json, playApi, session, sessionId, sse } from './fixture/api.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The command as a process of its own, in another folder than the checkout. */
function start(args: string[]) {
  const command = ['--import', import.meta.resolve('tsx'), at('main.ts'), ...args]
  const env = { ...process.env, TSX_TSCONFIG_PATH: at('../../tsconfig.json') }
  const child = spawn(process.execPath, command, { cwd: tmpdir(), env, stdio: ['ignore', 'pipe', 'pipe'] })
  closers.push(() => child.kill('SIGKILL'))
  const written = { out: '', err: '' }
  child.stdout.on('data', (chunk) => {
    written.out += chunk
  })
  child.stderr.on('data', (chunk) => {
    written.err += chunk
  })
  return { child, written, ended: once(child, 'close') }
}

test('a Ctrl-C ends the process with 130, and tells the API nothing', async () => {
  const api = await playApi({
    [`GET /sessions/${sessionId}`]: (_asked, response) => json(response, session({ last_seq: 1 })),
    [`GET /sessions/${sessionId}/events`]: (asked, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(asked.headers['last-event-id'] ? ': nothing new\n\n' : sse(1))
    },
  })
  closers.push(api.close)
  const { child, written, ended } = start(['session', 'follow', sessionId, '--api', api.base])
  while (!written.out.includes('line 1')) await once(child.stdout, 'data')
  child.kill('SIGINT')
  expect(await ended).toEqual([130, null])
  expect(written.err).toContain('The session goes on.')
  // A ticket for a socket changes nothing that anybody could see.
  const changing = api.asked.filter(({ method, path }) => method !== 'GET' && path !== '/socket-tickets')
  expect(changing).toEqual([])
})

test('the exit code of the process is that of the command', async () => {
  const { written, ended } = start(['session', 'list', '--api', 'http://127.0.0.1:9/api/v1'])
  expect(await ended).toEqual([3, null])
  expect(written).toEqual({ out: '', err: expect.stringContaining('npm start') })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { json, playApi, problem, session } from '../fixture/api.ts'
import { playTerminal } from '../fixture/terminal.ts'
import { run } from '../run.ts'
import { keyFor } from './key.ts'

const data = mkdtempSync(join(tmpdir(), 'orchestrator-key-'))
writeFileSync(join(data, 'local-key'), 'oio_local\n')
afterAll(() => rmSync(data, { recursive: true }))
const env = { ORCHESTRATOR_DATA: data }

describe('the key of a command', () => {
  test.each(['http://localhost:8000/api/v1', 'http://127.0.0.1:1/api/v1', 'http://[::1]:1/api/v1'])(
    'is for %s the one of the data folder, unless the environment has another',
    (base) => {
      expect(keyFor(env, base)).toBe('oio_local')
      expect(keyFor({ ...env, ORCHESTRATOR_API_KEY: 'oio_mine' }, base)).toBe('oio_mine')
      expect(keyFor({ ORCHESTRATOR_DATA: join(data, 'nowhere') }, base)).toBeUndefined()
    },
  )

  test.each(['https://api.example/api/v1', 'http://localhost.example/api/v1', 'http://10.0.0.1/api/v1'])(
    'of the data folder is not sent to %s',
    (base) => {
      expect(keyFor(env, base)).toBeUndefined()
      expect(keyFor({ ...env, ORCHESTRATOR_API_KEY: 'oio_mine' }, base)).toBe('oio_mine')
    },
  )

  test('goes with each request; without one the answer says what to set', async () => {
    const api = await playApi({
      'GET /sessions': ({ headers }, response) =>
        headers.authorization === 'Bearer oio_local'
          ? json(response, { items: [session()], next_cursor: null })
          : problem(response, 401, {
              title: 'Unauthorized',
              code: 'unauthorized',
              detail: 'A key is needed.',
            }),
    })
    const given = playTerminal({ env })
    expect(await run(['--api', api.base, 'session', 'list'], given.terminal)).toBe(0)
    const none = playTerminal({ env: { ORCHESTRATOR_DATA: join(data, 'nowhere') } })
    expect(await run(['--api', api.base, 'session', 'list'], none.terminal)).toBe(5)
    expect(none.written.err).toContain('Set ORCHESTRATOR_API_KEY')
    expect(given.written.out + given.written.err).not.toContain('oio_local')
    api.close()
  })
})

describe('keys', () => {
  const made = {
    key: {
      ...{ id: 'key_1', prefix: 'abcdefgh', name: 'ci', scopes: ['sessions:read'] },
      ...{ expires_at: null, revoked_at: null, last_used_at: null },
    },
    token: 'oio_abcdefgh_secret',
  }

  test('are made, listed and revoked; the token alone is the output, so that it can be piped', async () => {
    const api = await playApi({
      'POST /keys': (_, response) => json(response, made, 201),
      'GET /keys': (_, response) => json(response, { items: [made.key], next_cursor: null }),
      'DELETE /keys/key_1': (_, response) => void response.writeHead(204).end(),
    })
    const { terminal, written } = playTerminal({ env })
    const key = (...args: string[]) => run(['--api', api.base, 'key', ...args], terminal)
    expect(await key('create', '--name', 'ci', '--scope', 'sessions:read', 'agents:write')).toBe(0)
    expect(written.out).toBe('oio_abcdefgh_secret\n')
    expect(JSON.parse(api.asked[0]?.body ?? '')).toEqual({
      name: 'ci',
      scopes: ['sessions:read', 'agents:write'],
    })
    expect(await key('list')).toBe(0)
    expect(written.out).toMatch(/key_1 +ci +oio_abcdefgh_… +sessions:read +never +valid\n/)
    expect(await key('revoke', 'key_1')).toBe(0)
    expect(await key('create', '--name', 'ci', '--scope', 'everything')).toBe(2)
    api.close()
  })

  test('for a deployment are printed without asking anybody', async () => {
    const { terminal, written } = playTerminal({ env: {} })
    expect(await run(['--api', 'http://localhost:1', 'key', 'new'], terminal)).toBe(0)
    expect(written.out).toMatch(/^oio_[a-z2-7]{8}_0{26}[\w-]{43}\n$/)
  })
})

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startDashboard } from './dashboard.ts'
import { temporaryFolder } from './fixtures.ts'
import type { Service } from './services/service.ts'

const folder = temporaryFolder()
const page = join(folder.path, 'web')
const config = {
  api_url: 'http://localhost:8000/api/v1',
  ws_url: 'ws://localhost:8000',
  environment: 'this machine',
  api_key: 'oio_key',
}
const start = (build: () => Promise<{ folder: string; built: boolean; took_ms: number }>): Promise<Service> =>
  startDashboard({ port: 0, config, log: () => {}, build })

let dashboard: Service

beforeAll(async () => {
  mkdirSync(join(page, 'assets'), { recursive: true })
  writeFileSync(join(page, 'index.html'), '<!doctype html>')
  writeFileSync(join(page, 'assets/index-1.js'), 'export {}')
  writeFileSync(join(folder.path, 'secret.txt'), 'secret')
  dashboard = await start(async () => ({ folder: page, built: false, took_ms: 0 }))
})

afterAll(async () => {
  await dashboard.stop()
  rmSync(folder.path, { recursive: true })
})

const get = (path: string) => fetch(`${dashboard.url.replace('localhost', '127.0.0.1')}${path}`)

/** As no browser would send it. */
const raw = (path: string, headers: Record<string, string> = {}) =>
  new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const { port } = new URL(dashboard.url)
    const sent = request({ host: '127.0.0.1', port, path, headers }, (answer) => {
      let text = ''
      answer.on('data', (part) => {
        text += part
      })
      answer.on('end', () => resolve({ status: answer.statusCode, text }))
    })
    sent.once('error', reject)
    sent.end()
  })

describe('the dashboard', () => {
  test('answers its index at every page, and says that a part of an older release is gone', async () => {
    for (const path of ['/', '/sessions', '/sessions/ses_01?line=7']) {
      const answer = await get(path)
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toContain('text/html')
      expect(answer.headers.get('cache-control')).toBe('no-store')
    }
    expect((await get('/assets/index-0.js')).status).toBe(404)
  })

  test('lets parts with a hash in their name be kept for good', async () => {
    const answer = await get('/assets/index-1.js')
    expect(answer.headers.get('content-type')).toContain('javascript')
    expect(answer.headers.get('cache-control')).toContain('immutable')
  })

  test('says where the API is, and may talk to nobody else', async () => {
    const answer = await get('/config.json')
    expect(await answer.json()).toEqual(config)
    const policy = answer.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("connect-src 'self' http://localhost:8000 ws://localhost:8000;")
    expect(policy).not.toMatch(/unsafe|\*/)
  })

  test('answers nothing outside of its folder, nor under a foreign name', async () => {
    for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/assets/..%2f..%2fsecret.txt', '/.sources'])
      expect((await raw(path)).text).not.toContain('secret\n')
    expect((await raw('/%2e%2e/secret.txt')).status).toBe(404)
    expect((await raw('/%zz')).status).toBe(400)
    expect((await raw('/', { host: 'evil.example' })).status).toBe(403)
  })

  test('tells its key to its own page and to programs, not to a page of another address', async () => {
    const { host } = new URL(dashboard.url)
    const asked = (headers: Record<string, string>) => raw('/config.json', { host, ...headers })
    for (const headers of [
      {},
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
      { origin: dashboard.url },
    ])
      expect(JSON.parse((await asked(headers)).text)).toEqual(config)
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'http://localhost:1' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { host: 'evil.example' },
    ]) {
      const { status, text } = await asked(headers)
      expect(status, JSON.stringify(headers)).toBe(403)
      expect(text).not.toContain('oio_')
    }
  })

  test('whose build failed says why', async () => {
    const broken = await start(() => Promise.reject(new Error('a comma is missing')))
    const answer = await fetch(broken.url.replace('localhost', '127.0.0.1'))
    expect(answer.status).toBe(503)
    expect(await answer.text()).toContain('a comma is missing')
    await broken.stop()
  })
})

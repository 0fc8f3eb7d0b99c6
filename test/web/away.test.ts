import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { workerEnvironment } from '#local/environment'
import { type RunningModel, startModel } from '#local/model/server'
import { type Supervisor, superviseWorker } from '#local/supervisor'
import { testRedisUrl } from '../database.ts'
import { scripted } from '../e2e/client.ts'
import { goBy, noBrowser, pullAway } from './browser.ts'
import { bash, done, type House, openHouse, until } from './house.ts'
import { rowsOf, stateOf, terminalOf } from './session-page.ts'

/** What a person sees when a part is away: an agent, the API, the page's own release, Redis, everything. */
let house: House
let redis: Awaited<ReturnType<typeof openGate>>
let model: RunningModel
let auditor: Supervisor | undefined

const minute = 60_000
const agents = mkdtempSync(join(tmpdir(), 'orchestrator-auditor-'))

/** A way to a service that can be shut: what goes through it is cut, and nobody gets in. */
async function openGate(target: URL) {
  const open = new Set<Socket>()
  let isShut = false
  const server = createServer((near) => {
    if (isShut) return void near.destroy()
    const far = connect({ host: target.hostname, port: Number(target.port) })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
      from.pipe(to)
    }
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('no port')
  return {
    url: Object.assign(new URL(target), { host: `127.0.0.1:${address.port}` }).href,
    shut(yes: boolean) {
      isShut = yes
      if (yes) for (const socket of open) socket.destroy()
      if (yes) open.clear()
    },
    close: () => server.close(),
  }
}

const Diagnosis = z.object({ waiting: z.object({ sentence: z.string() }) })

describe.skipIf(noBrowser !== null)('when something is away, a person', () => {
  let stuck: string

  beforeAll(async () => {
    redis = await openGate(new URL(testRedisUrl()))
    model = await startModel()
    house = await openHouse([], { REDIS_URL: redis.url })
    const work = [bash('echo begun'), until(join(agents, 'never')), done]
    const plan = { summary: '', tasks: [scripted('audit', work, { capability: 'SECURITY_AUDIT' })] }
    stuck = (await house.api.create({ title: 'Audit it', prompt: 'Audit.', plan, start: true })).id
  }, 3 * minute)
  afterAll(async () => {
    await auditor?.stop()
    await house?.close()
    await model?.stop()
    redis?.close()
    rmSync(agents, { recursive: true, force: true })
  })

  const rowOf = (page: Page) =>
    page.getByRole('table', { name: 'Agents' }).getByRole('row').filter({ hasText: 'auditor' })
  const strip = 'What it waits for'

  it(
    'is told what a stuck session waits for, sees it move when an agent comes, and wait again when that dies',
    async () => {
      const { page, errors, leave } = await house.visit('/agents')
      await page.getByRole('heading', { name: 'No agents yet' }).waitFor()
      await page.goto(`/sessions/${stuck}`)
      const why = page.getByRole('region', { name: strip })
      await why.getByText('no agent is online').waitFor()
      const { waiting } = Diagnosis.parse(
        await (await house.api.call('GET', `/sessions/${stuck}/diagnosis`)).json(),
      )
      expect(await why.getByRole('paragraph').textContent()).toBe(waiting.sentence)
      expect(waiting.sentence).toContain('npx orchestrator agent start --capabilities SECURITY_AUDIT')
      await rowsOf(page).getByText('waits for SECURITY_AUDIT: no agent online has it').waitFor()

      auditor = superviseWorker({
        worker: { name: 'auditor', capabilities: ['SECURITY_AUDIT'], capacity: 1 },
        env: workerEnvironment(process.env, { api: house.apiUrl, key: house.key, model: model.url }),
        data: agents,
        log: () => undefined,
        onLine: () => undefined,
      })
      await why.getByText('auditor works on "audit" (attempt 1).').waitFor({ timeout: minute })
      await terminalOf(page).locator('[data-stream=stdout]').getByText('begun').waitFor({ timeout: minute })
      const pid = auditor.pid()
      if (!pid) throw new Error('The auditor does not run.')
      process.kill(pid, 'SIGKILL')
      // Nobody starts it again.
      await auditor.stop()
      expect(existsSync(join(agents, 'never'))).toBe(false)
      expect(errors).toEqual([])
      await leave()
    },
    2 * minute,
  )

  it(
    'keeps what was read when the API is pulled away, is told what to look at, and has it anew when it is back',
    async () => {
      const { page, errors, cable, leave } = await house.visit('/')
      await page.getByText('Audit it').first().waitFor()
      await page.getByRole('status').filter({ hasText: 'Live' }).waitFor()
      const bringBack = await pullAway(page, house.apiUrl, cable)
      await page
        .getByRole('status')
        .filter({ hasText: /Reconnecting|Offline/ })
        .waitFor()
      expect(await page.getByText('Audit it').first().isVisible()).toBe(true)
      await page.reload()
      await page.getByRole('heading', { name: 'Uplink failed' }).first().waitFor()
      await page.getByText('npm start').first().waitFor()
      await page.getByText('npx orchestrator doctor').first().waitFor()
      await bringBack()
      await page.getByText('Audit it').first().waitFor()
      await page.getByRole('status').filter({ hasText: 'Live' }).waitFor()
      expect(errors).toEqual([])
      await leave()
    },
    minute,
  )

  it(
    'has the new page in place of parts that a release took away, and never loses it to an outage',
    async () => {
      const { page, leave } = await house.visit('/')
      await page.getByText('Audit it').first().waitFor()
      let isGone = true
      await page.route('**/assets/*.js', (route) =>
        isGone ? route.fulfill({ status: 404, body: 'gone' }) : route.continue(),
      )
      // The index of the new release names parts that are there.
      page.on('framenavigated', () => {
        isGone = false
      })
      await goBy(page, 't', 'Tasks')
      expect(new URL(page.url()).pathname).toBe('/tasks')

      const mine = (url: URL) => url.origin === new URL(house.page).origin
      await page.evaluate('sessionStorage.clear()')
      await page.route(mine, (route) => route.abort('connectionrefused'))
      await page.keyboard.press('g')
      await page.keyboard.press('a')
      await page.getByText('A part of this page could not be loaded.').waitFor()
      await page.unroute(mine)
      await page.getByRole('button', { name: 'Reload the page' }).click()
      await page.getByRole('heading', { name: 'Agents', exact: true }).waitFor()
      await leave()
    },
    minute,
  )

  it(
    'finds again what an address names, and is told when it names nothing',
    async () => {
      const { page, leave } = await house.visit('/nowhere')
      await page.getByRole('heading', { name: 'There is no page at this address' }).waitFor()
      await page.goto('/sessions/ses_00000000000000000000000000')
      await page.getByRole('heading', { name: 'The session could not be read' }).waitFor()
      await page.goto('/sessions?q=nothing-has-this-name')
      await page.getByRole('heading', { name: /No session/ }).waitFor()
      await page.goto(`/sessions/${stuck}`)
      await rowsOf(page).first().click()
      await terminalOf(page).getByRole('link', { name: '3', exact: true }).click()
      await expect.poll(() => new URL(page.url()).search).toMatch(/task=tsk_\w+.*line=3/)
      await page.reload()
      await page.getByRole('region', { name: 'Selected task' }).getByText('audit').first().waitFor()
      await page.locator('[data-on=true]').getByText('session running').waitFor()
      await page.getByRole('button', { name: /Paused/ }).waitFor()
      await leave()
    },
    minute,
  )

  it(
    'sees that the agent died, and what it worked on wait anew',
    async () => {
      const { page, errors, leave } = await house.visit(`/sessions/${stuck}`)
      await terminalOf(page).getByText('◆ task lost').waitFor({ timeout: 90_000 })
      const why = page.getByRole('region', { name: strip })
      await why.getByText('Waits for an agent with SECURITY_AUDIT').waitFor({ timeout: minute })
      expect(await stateOf(page).textContent()).toBe('RUNNING')
      await page.getByRole('link', { name: 'Agents', exact: true }).click()
      const row = rowOf(page)
      await row.getByText('Offline', { exact: true }).waitFor()
      await page.getByText('No agent online has SECURITY_AUDIT').first().waitFor()
      await page.getByRole('link', { name: 'Overview', exact: true }).click()
      await page.getByText('1 offline').waitFor()
      expect(errors).toEqual([])
      await leave()
    },
    3 * minute,
  )

  it(
    'is told on the open agents page that Redis went away, what that means, and that it is back',
    async () => {
      const { page, errors, leave } = await house.visit('/agents')
      await rowOf(page).waitFor()
      expect(await page.getByText('Redis is away.').isVisible()).toBe(false)
      redis.shut(true)
      await page.getByText('Redis is away.').waitFor()
      await rowOf(page).waitFor()
      await page.getByText('no task is taken from its').waitFor()
      redis.shut(false)
      await page.getByText('Redis is away.').waitFor({ state: 'hidden' })
      expect(errors).toEqual([])
      await leave()
    },
    2 * minute,
  )

  it(
    'goes on in an open page after everything was ended and started again',
    async () => {
      const { page, errors, leave } = await house.visit(`/sessions/${stuck}`)
      await page.getByRole('status').filter({ hasText: 'Live' }).waitFor()
      await terminalOf(page).getByText('session running').waitFor()
      await house.end()
      await page
        .getByRole('status')
        .filter({ hasText: /Reconnecting|Offline/ })
        .waitFor()
      await page.getByText('what you see is of').waitFor()
      await page.getByRole('button', { name: 'Stop…' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Stop it' }).click()
      await page.getByRole('alert').getByText('cannot be reached').waitFor()
      expect(await stateOf(page).textContent()).toBe('RUNNING')
      await house.again()
      await page.getByRole('status').filter({ hasText: 'Live' }).waitFor()
      await page.getByRole('button', { name: 'Stop…' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Stop it' }).click()
      await stateOf(page).getByText('STOPPED').waitFor()
      await terminalOf(page).getByText('session stopped').waitFor()
      expect(errors).toEqual([])
      await leave()
    },
    2 * minute,
  )
})

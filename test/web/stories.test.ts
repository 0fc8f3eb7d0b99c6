import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { faultsOf, goBy, noBrowser, overflowOf } from './browser.ts'
import { type House, openHouse } from './house.ts'

/** All of the pages, for a person and one agent. What one session shows is in session.test.ts. */
let house: House

const minute = 60_000
const pages = ['/', '/sessions', '/agents', '/tasks'] as const

/** What nobody here can do: a session of it waits, and costs nothing. */
const rare = 'PENETRATION_TESTING'
const waitingPlan = {
  summary: 'two tasks',
  tasks: [
    { key: 'attack', title: 'Try to break in', instruction: 'Try.', capability: rare },
    {
      key: 'report',
      title: 'Write the report',
      instruction: 'Write.',
      capability: rare,
      depends_on: ['attack'],
    },
  ],
}

if (noBrowser) process.stderr.write(`${noBrowser}\n`)

describe.skipIf(noBrowser !== null)('a person at the dashboard', () => {
  beforeAll(async () => {
    house = await openHouse([{ name: 'builder', capabilities: ['PLANNING', 'CODE_GENERATION'], capacity: 1 }])
  }, 3 * minute)
  afterAll(() => house?.close())

  it(
    'finds what to do next where there is nothing yet',
    async () => {
      const { page, errors, leave } = await house.visit('/')
      await page.getByText('Nothing has happened yet.').waitFor()
      await page.getByText('Nothing needs a person.').waitFor()
      await page.getByRole('link', { name: 'Tasks' }).click()
      await page.getByRole('heading', { name: 'No tasks yet' }).waitFor()
      expect(errors).toEqual([])
      await leave()
    },
    minute,
  )

  it(
    'without the key of this machine is asked for one, is told when it is wrong, and can sign out',
    async () => {
      const { page, errors, leave } = await house.visit('/')
      // As a deployment serves it: the page is told where the API is, and no key.
      await page.route('**/config.json', async (route) => {
        const { api_key: _, ...config } = await (await route.fetch()).json()
        await route.fulfill({ json: config })
      })
      await page.reload()
      await page.getByRole('heading', { name: 'This orchestrator is locked' }).waitFor()
      const key = page.getByLabel('Key')
      const enter = page.getByRole('button', { name: 'Sign in' })
      await key.fill(`${house.key.slice(0, -3)}xyz`)
      await enter.click()
      await page.getByText('Key is not let in.').waitFor()
      expect(await faultsOf(page)).toEqual([])
      await key.fill(house.key)
      await enter.click()
      await page.getByText('Nothing needs a person.').waitFor()
      await page.reload()
      await page.getByText('Nothing needs a person.').waitFor()
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByRole('heading', { name: 'This orchestrator is locked' }).waitFor()
      expect(await page.evaluate('JSON.stringify({ ...sessionStorage, ...localStorage })')).not.toContain(
        'oio_',
      )
      expect(errors).toEqual([])
      await leave()
    },
    minute,
  )

  it(
    'starts in place what was not started, is told what it is stuck on, and finds its tree',
    async () => {
      await house.api.create({ title: 'Break into the vault', prompt: 'Try.', plan: waitingPlan })
      const { page, errors, leave } = await house.visit('/')
      const row = page.getByRole('listitem').filter({ hasText: 'Break into the vault' })
      await row.getByText('Not started', { exact: true }).waitFor()
      await row.getByRole('button', { name: 'Start: Break into the vault' }).click()
      await row.getByText('Stuck', { exact: true }).waitFor()
      await page.getByText(`No agent online has ${rare}: 1 task waits`).waitFor()
      await page.getByText('queued → running').first().waitFor()
      const waiting = page.locator('dl > div').filter({ hasText: 'Tasks, for an agent' })
      await waiting.getByText('1 waiting').waitFor()
      await page.getByRole('link', { name: rare, exact: true }).click()
      await page.getByRole('row').filter({ hasText: 'Try to break in' }).getByText('holds up 1').waitFor()
      await page
        .getByRole('row')
        .filter({ hasText: 'Write the report' })
        .getByText('waits for attack')
        .waitFor()
      await page.getByRole('link', { name: 'Try to break in' }).click()
      await page.waitForURL(/\/sessions\/ses_\w+\?task=tsk_/)
      expect(errors).toEqual([])
      await leave()
    },
    minute,
  )

  it(
    'creates and starts a session from the page, and sees it run',
    async () => {
      const { page, errors, leave } = await house.visit('/sessions')
      await page.getByRole('button', { name: '+ NEW SESSION' }).first().click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel('Title').fill('Add a changelog')
      await dialog.getByLabel('Initial prompt').fill('Write CHANGELOG.md from the history.')
      await dialog.getByRole('button', { name: 'Create and start' }).click()
      await page.waitForURL(/\/sessions\/ses_/)
      await page.getByRole('heading', { name: 'Add a changelog' }).waitFor()
      const id = new URL(page.url()).pathname.split('/').at(-1) ?? ''
      await house.api.until(id, ({ type }) => type === 'task.running', minute)
      await page.getByRole('link', { name: 'Tasks' }).click()
      const tree = page.getByRole('region', { name: 'Add a changelog' })
      await tree.getByText('builder works on it').waitFor()
      await house.api.post(`/sessions/${id}/stop`)
      expect(errors).toEqual([])
      await leave()
    },
    2 * minute,
  )

  it(
    'needs no mouse',
    async () => {
      const { page, errors, leave } = await house.visit('/')
      await page.getByRole('heading', { name: 'Overview' }).waitFor()
      await goBy(page, 's', 'Sessions')
      await page.keyboard.press('n')
      const dialog = page.getByRole('dialog')
      await dialog.waitFor()
      await page.keyboard.type('By keys alone')
      await page.keyboard.press('Tab')
      await page.keyboard.type('Do it without a mouse.')
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'hidden' })
      await page.keyboard.press('n')
      // What was typed is kept.
      await expect.poll(() => dialog.getByLabel('Title').inputValue()).toBe('By keys alone')
      await dialog.getByRole('button', { name: 'Create', exact: true }).focus()
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'By keys alone' }).waitFor()
      await goBy(page, 't', 'Tasks')
      await page.getByRole('link', { name: 'Try to break in' }).waitFor()
      await page.keyboard.press('k')
      await expect.poll(() => page.evaluate('document.activeElement?.textContent')).toBe('Write the report')
      await page.keyboard.press('k')
      await page.keyboard.press('Enter')
      await page.waitForURL(/\/sessions\/ses_\w+\?task=tsk_/)
      await page.keyboard.press('Shift+?')
      await dialog.getByText('Overview').first().waitFor()
      expect(errors).toEqual([])
      await leave()
    },
    minute,
  )

  it(
    'reads every page on a phone without scrolling sideways',
    async () => {
      const { page, leave } = await house.visit('/', { viewport: { width: 390, height: 844 } })
      for (const path of pages) {
        await page.goto(path)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await page.waitForLoadState('networkidle')
        expect(await overflowOf(page), path).toBeLessThanOrEqual(0)
      }
      await leave()
    },
    minute,
  )

  it.each(['light', 'dark'] as const)(
    'meets nothing that axe objects to, in the %s theme',
    async (colorScheme) => {
      const { page, leave } = await house.visit('/', { colorScheme })
      for (const path of pages) {
        await page.goto(path)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await page.waitForLoadState('networkidle')
        expect(await faultsOf(page), path).toEqual([])
      }
      await leave()
    },
    minute,
  )
})

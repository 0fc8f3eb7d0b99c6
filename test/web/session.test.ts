import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeRepository, scripted } from '../e2e/client.ts'
import { faultsOf, goBy, noBrowser, overflowOf } from './browser.ts'
import { bash, done, fieldOf, type House, openHouse, told, until, wholeOf, write } from './house.ts'
import {
  beginnings,
  factOf,
  placesOf,
  rowsOf,
  seqOf,
  stateOf,
  taskIdsOf,
  terminalOf,
} from './session-page.ts'

/** One session as a person has it before them: real OpenCode with the rehearsal model, told when to go on. */
let house: House

const minute = 60_000
const work = ['PLANNING', 'CODE_GENERATION', 'DOCUMENTATION', 'TESTING', 'INTEGRATION']

/** A file that work waits for. */
const gate = (name: string) => join(house.data, name)
const open = (name: string) => writeFileSync(gate(name), '')

async function create(title: string, tasks: object[], more: object = {}) {
  const repository = { url: makeRepository() }
  const plan = { summary: '', tasks }
  return (await house.api.create({ title, prompt: 'As told.', repository, plan, start: true, ...more })).id
}

describe.skipIf(noBrowser !== null)('a person at one session', () => {
  beforeAll(async () => {
    house = await openHouse([{ name: 'builder', capabilities: work, capacity: 6 }])
  }, 3 * minute)
  afterAll(() => house?.close())

  it(
    'creates and starts it, and sees terminal, tree, telemetry and checkpoints move as the API has them',
    async () => {
      const { page, errors, leave } = await house.visit('/')
      const tasks = [
        scripted('survey', [write('survey.txt'), done]),
        scripted('build', [until(gate('build')), write('build.txt'), done], { depends_on: ['survey'] }),
      ]
      await page.getByRole('heading', { name: 'Overview' }).waitFor()
      await page.keyboard.press('n')
      const form = page.getByRole('dialog')
      await form.getByLabel('Title').fill('Build a bridge')
      const script = `<<rehearsal ${JSON.stringify({ plan: { summary: '', tasks } })} >>`
      await form.getByLabel('Initial prompt').fill(`From here to there. ${script}`)
      await form.getByLabel('Repository').fill(makeRepository())
      await form.getByLabel('Tokens').fill('900000')
      await form.getByRole('radio', { name: 'High' }).check()
      await form.getByRole('button', { name: 'Create and start' }).click()
      await page.getByRole('heading', { name: 'Build a bridge' }).waitFor()
      const id = new URL(page.url()).pathname.split('/').at(-1) ?? ''

      await rowsOf(page).filter({ hasText: 'running: Do build' }).waitFor({ timeout: minute })
      await terminalOf(page).getByText('sleep 0.1').first().waitFor()
      expect(await stateOf(page).textContent()).toBe('RUNNING')
      await factOf(page, 'Step').getByText('2 / 3').waitFor()
      await agree(page, id)
      const before = await wholeOf(house.api, id)
      const telemetry = page.getByRole('region', { name: 'Telemetry' })
      await telemetry.getByText('of 900,000').waitFor()

      open('build')
      await stateOf(page).getByText('COMPLETED').waitFor({ timeout: minute })
      const after = await wholeOf(house.api, id)
      expect(after.checkpoint_number).toBeGreaterThan(before.checkpoint_number)
      expect(after.usage.input_tokens).toBeGreaterThan(before.usage.input_tokens)
      await factOf(page, 'Step').getByText('4 / 4').waitFor()
      await agree(page, id)
      const saves = page.getByRole('region', { name: 'Checkpoints' }).getByRole('listitem')
      const numbers = await fieldOf(house.api, `/sessions/${id}/checkpoints?limit=8`, 'number')
      await expect
        .poll(async () => (await saves.allTextContents()).map((text) => /^#\d+/.exec(text)?.[0]))
        .toEqual(numbers.map((number) => `#${number}`))

      await page.keyboard.press('2')
      const changes = page.getByRole('tabpanel', { name: 'Changes' })
      await changes.getByText('2 files').waitFor()
      for (const file of ['survey.txt', 'build.txt'])
        await changes.getByText(file, { exact: true }).first().waitFor()
      expect(errors).toEqual([])
      await leave()
    },
    3 * minute,
  )

  /** What is counted on the page is what the API counts, and the tree has the API's order. */
  async function agree(page: Page, id: string) {
    const { checkpoint_number, tasks, usage } = await wholeOf(house.api, id)
    const tokens = usage.input_tokens + usage.output_tokens + usage.reasoning_tokens
    await factOf(page, 'Checkpoint').getByText(`#${checkpoint_number}`, { exact: true }).waitFor()
    await factOf(page, 'Step').getByText(`${tasks.completed} / ${tasks.total}`, { exact: true }).waitFor()
    const telemetry = page.getByRole('region', { name: 'Telemetry' })
    await telemetry.getByText(tokens.toLocaleString('en-US')).first().waitFor()
    await expect
      .poll(() => taskIdsOf(page))
      .toEqual(await fieldOf(house.api, `/sessions/${id}/tasks?limit=100`, 'id'))
  }

  it(
    'answers what agents ask, and tells them something',
    async () => {
      const ask = { question: 'Which colour?', header: 'Colour', options: ['red', 'blue'] }
      const id = await create(
        'Publish the release',
        [scripted('publish', [bash('echo out > out.txt'), done]), told('name', { ask })],
        {
          approval_policy: {
            rules: [
              { tool: 'bash', pattern: '*out.txt', action: 'ask' },
              { tool: 'question', action: 'ask' },
            ],
          },
        },
      )
      const { page, errors, leave } = await house.visit(`/sessions/${id}`)
      const permission = page.getByRole('region', { name: 'May builder use bash?' })
      const question = page.getByRole('region', { name: 'builder asks a question' })
      await permission.getByText('echo out > out.txt', { exact: true }).waitFor({ timeout: minute })
      await question.getByText('Which colour?').waitFor({ timeout: minute })

      await page.keyboard.press('m')
      await page.keyboard.type('Keep it short.')
      await page.keyboard.press('Control+Enter')
      await terminalOf(page).getByText('message to the agents: Keep it short.').waitFor()

      const reply = question.getByRole('button', { name: /^Reply/ })
      expect(await reply.getAttribute('aria-disabled')).toBe('true')
      await question.getByLabel('blue').check()
      await reply.click()
      await question.waitFor({ state: 'hidden' })
      await permission.getByRole('button', { name: 'Allow once' }).click()
      await permission.waitFor({ state: 'hidden' })
      await stateOf(page).getByText('COMPLETED').waitFor({ timeout: minute })

      const { items } = await house.api.items(`/approvals?session_id=${id}`)
      const inOrder = items.toSorted((a, b) => String(a.kind).localeCompare(String(b.kind)))
      expect(inOrder).toMatchObject([
        { kind: 'PERMISSION', state: 'ANSWERED', answer: { answer: 'allow_once' } },
        { kind: 'QUESTION', state: 'ANSWERED', answer: { answer: 'reply', answers: [['blue']] } },
      ])
      expect(await house.api.text(`/sessions/${id}/log`)).toContain('Which colour? → blue')
      const events = (await house.api.events(id, 0)).items
      expect(events.find(({ type }) => type === 'message.sent')?.data.text).toBe('Keep it short.')
      expect(errors).toEqual([])
      await leave()
    },
    3 * minute,
  )

  it(
    'stops it, tries it again, and forks it from a checkpoint',
    async () => {
      const id = await create('Cross the river', [scripted('cross', [until(gate('cross')), done])])
      const { page, errors, leave } = await house.visit(`/sessions/${id}`)
      const row = rowsOf(page).filter({ hasText: 'running: Do cross' })
      await row.waitFor({ timeout: minute })
      const retry = page.getByRole('button', { name: 'Retry', exact: false }).first()
      expect(await retry.getAttribute('title')).toMatch(/RUNNING|running/)

      await page.getByRole('button', { name: 'Stop…' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText('1 running task is saved and taken from the agents.').waitFor()
      await dialog.getByRole('button', { name: 'Stop it' }).click()
      await stateOf(page).getByText('STOPPED').waitFor({ timeout: minute })
      expect((await wholeOf(house.api, id)).state).toBe('STOPPED')

      await page.getByRole('button', { name: 'Retry' }).first().click()
      await row.waitFor({ timeout: minute })
      await row.getByText('2 attempts').waitFor()

      const number = 2
      await page.getByRole('region', { name: 'Checkpoints' }).getByRole('button', { name: /more$/ }).click()
      const save = page.getByRole('listitem').filter({ has: page.getByText(`#${number}`, { exact: true }) })
      await save.getByRole('button').click()
      await dialog.getByRole('heading', { name: `Checkpoint ${number}` }).waitFor()
      await dialog.getByRole('table').getByRole('row').nth(1).waitFor()
      await dialog.getByRole('button', { name: 'Fork from here…' }).click()
      await dialog.getByLabel('Start it at once').uncheck()
      await dialog.getByRole('button', { name: `Fork from checkpoint ${number}` }).click()
      await page.getByRole('link', { name: `checkpoint ${number}`, exact: true }).waitFor()
      const fork = new URL(page.url()).pathname.split('/').at(-1) ?? ''
      expect(await wholeOf(house.api, fork)).toMatchObject({
        state: 'PENDING',
        parent: { session_id: id, checkpoint: number },
      })
      expect((await wholeOf(house.api, id)).state).toBe('RUNNING')
      await house.api.post(`/sessions/${id}/stop`)
      expect(errors).toEqual([])
      await leave()
    },
    3 * minute,
  )

  it(
    'loses the network in the middle, and misses no line',
    async () => {
      const print = (what: string) => bash(`for i in $(seq 1 150); do echo "${what} $i"; done`)
      const id = await create('Count to many', [
        scripted('count', [print('before'), until(gate('dark')), print('dark'), until(gate('light')), done]),
      ])
      const { page, errors, cable, leave } = await house.visit(`/sessions/${id}`)
      await terminalOf(page).getByText('before 150').waitFor({ timeout: minute })
      await cable.cut()
      await page
        .getByRole('status')
        .filter({ hasText: /Reconnecting|Offline/ })
        .waitFor()
      open('dark')
      await house.api.until(id, ({ data }) => String(data.text).includes('dark 150'), minute)
      expect(await terminalOf(page).getByText('dark 150').count()).toBe(0)
      cable.mend()
      await terminalOf(page).getByText('dark 150').waitFor()
      open('light')
      await stateOf(page).getByText('COMPLETED').waitFor({ timeout: minute })
      const { items, last_seq } = await house.api.events(id, 0)
      await terminalOf(page).getByText('session completed').waitFor()

      const lived = await placesOf(page)
      expect(new Set(lived).size).toBe(lived.length)
      expect(lived.map(seqOf)).toEqual(lived.map(seqOf).toSorted((a, b) => a - b))
      expect(lived.map(seqOf).at(-1)).toBe(last_seq)
      expect(lived.map(seqOf)).toEqual(expect.arrayContaining(beginnings(items)))
      await page.reload()
      await terminalOf(page).getByText('session completed').waitFor()
      await expect.poll(() => placesOf(page)).toEqual(lived)
      expect(errors).toEqual([])
      await leave()
    },
    3 * minute,
  )

  it(
    'creates, starts, opens, stops and finds sessions by keys alone',
    async () => {
      const { page, errors, leave } = await house.visit('/sessions')
      await page.getByRole('heading', { name: 'Sessions', exact: true }).waitFor()
      await page.keyboard.press('n')
      const dialog = page.getByRole('dialog')
      await dialog.waitFor()
      await page.keyboard.type('By hand')
      await page.keyboard.press('Tab')
      await page.keyboard.type('Without a mouse.')
      await page.keyboard.press('Control+Enter')
      await page.getByRole('heading', { name: 'By hand' }).waitFor()
      await stateOf(page)
        .getByText(/QUEUED|RUNNING/)
        .waitFor()
      await goBy(page, 's', 'Sessions')
      await page.getByRole('link', { name: 'By hand' }).waitFor()
      await page.keyboard.press('j')
      await expect.poll(() => page.evaluate('document.activeElement?.textContent')).toBe('By hand')
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'By hand' }).waitFor()
      await page.keyboard.press('x')
      await dialog.getByText('Stop this session?').waitFor()
      await page.keyboard.press('Tab')
      await expect.poll(() => page.evaluate('document.activeElement?.textContent')).toBe('Stop it')
      await page.keyboard.press('Enter')
      await stateOf(page).getByText('STOPPED').waitFor({ timeout: minute })
      await goBy(page, 'o', 'Overview')
      await page.keyboard.press('Control+k')
      await dialog.getByRole('combobox').waitFor()
      await page.keyboard.type('By ha')
      await dialog.getByRole('option', { name: /By hand/ }).waitFor()
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'By hand' }).waitFor()
      expect(errors).toEqual([])
      await leave()
    },
    2 * minute,
  )

  describe('while it is busy and asks', () => {
    let id: string

    beforeAll(async () => {
      const rules = [{ tool: 'bash', pattern: '*ask.txt', action: 'ask' }]
      const ask = { question: 'Which name?', header: 'Name', options: ['Aurora', 'Borealis'] }
      id = await create(
        'Look at me',
        [
          scripted('first', [write('first.txt'), done]),
          scripted('asks', [bash('echo x > ask.txt'), done], { depends_on: ['first'] }),
          told('names', { ask }, { depends_on: ['first'] }),
          scripted('works', [bash('echo oops >&2'), until(gate('never')), done], { depends_on: ['first'] }),
        ],
        { approval_policy: { rules: [...rules, { tool: 'question', action: 'ask' }] }, labels: ['billing'] },
      )
      await house.api.until(id, ({ data }) => String(data.text).includes('oops'), 2 * minute)
      const isAsked = ({ type }: { type: string }) => type === 'approval.requested'
      const { seq } = await house.api.until(id, isAsked, minute)
      await house.api.until(id, isAsked, minute, seq)
    }, 4 * minute)
    afterAll(() => house.api.post(`/sessions/${id}/stop`))

    /** Each part of the page by what leads there, and each dialog by the keys that open it. */
    const panels = ['', '?panel=changes', '?panel=context'] as const
    const dialogs = [
      ['x', 'Stop this session?'],
      ['Shift+F', 'Fork this session'],
      ['Shift+?', 'Keys'],
      ['Control+k', 'Go to'],
    ] as const

    async function at(page: Page, path: string) {
      await page.goto(path)
      await page.getByRole('region', { name: 'builder asks a question' }).waitFor()
      await page.getByRole('treegrid', { name: 'Tasks' }).waitFor()
      await page.waitForLoadState('networkidle')
    }

    it(
      'axe objects to nothing, in either theme, with any dialog open',
      async () => {
        const { page, errors, leave } = await house.visit(`/sessions/${id}`)
        /** In both themes without a reload: what is open stays open. */
        const look = async (what: string) => {
          for (const colorScheme of ['light', 'dark'] as const) {
            await page.emulateMedia({ colorScheme })
            expect(await faultsOf(page), `${what}, ${colorScheme}`).toEqual([])
          }
        }
        for (const panel of panels) {
          await at(page, `/sessions/${id}${panel}`)
          await page.keyboard.press('j')
          await page.getByRole('region', { name: 'Selected task' }).waitFor()
          await look(panel || 'terminal')
        }
        const dialog = page.getByRole('dialog')
        for (const [keys, title] of dialogs) {
          await page.keyboard.press(keys)
          await dialog.getByRole('heading', { name: title }).waitFor()
          await look(title)
          await page.keyboard.press('Escape')
          await dialog.waitFor({ state: 'hidden' })
        }
        await page
          .getByRole('region', { name: 'Checkpoints' })
          .getByRole('listitem')
          .first()
          .getByRole('button')
          .click()
        await dialog.getByRole('table').waitFor()
        await look('a checkpoint')
        await page.goto('/sessions?new=true')
        await dialog.getByRole('radio', { name: 'Ask a person first' }).check()
        await look('a new session')
        await page.goto('/agents?start=any')
        await dialog.waitFor()
        await look('another agent')
        expect(errors).toEqual([])
        await leave()
      },
      2 * minute,
    )

    it(
      'a phone shows all of it without scrolling sideways, and answers',
      async () => {
        const { page, leave } = await house.visit('/', {
          viewport: { width: 390, height: 844 },
          hasTouch: true,
          isMobile: true,
        })
        for (const panel of panels) {
          await at(page, `/sessions/${id}${panel}`)
          await rowsOf(page).first().tap()
          await page.getByRole('region', { name: 'Selected task' }).waitFor()
          expect(await overflowOf(page), panel).toBeLessThanOrEqual(0)
        }
        for (const path of ['/sessions?new=true', '/agents?start=any']) {
          await page.goto(path)
          await page.getByRole('dialog').waitFor()
          expect(await overflowOf(page), path).toBeLessThanOrEqual(0)
        }
        await at(page, `/sessions/${id}`)
        const permission = page.getByRole('region', { name: 'May builder use bash?' })
        await permission.getByRole('button', { name: 'Deny' }).tap()
        await permission.waitFor({ state: 'hidden' })
        const { items } = await house.api.items(`/approvals?session_id=${id}`)
        expect(items.find(({ kind }) => kind === 'PERMISSION')).toMatchObject({
          state: 'ANSWERED',
          answer: { answer: 'deny' },
        })
        await leave()
      },
      2 * minute,
    )
  })
})

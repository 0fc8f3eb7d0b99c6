import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright-core'
import { buildDashboard } from '#local/dashboard/build'
import { type Percentiles, percentiles, rounded } from './measure.ts'
import { serveFixture } from './web/fixture.ts'
import { sessionId, sessionsListed } from './web/history.ts'
import { frames, heapMb, openPage, sinceOpened } from './web/page.ts'

const { values } = parseArgs({
  options: {
    lines: { type: 'string', default: '100000' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '6' },
    chromium: { type: 'string', default: process.env.CHROMIUM ?? '/usr/bin/chromium' },
  },
})
const flags = [
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking',
  '--disable-component-update --disable-sync --enable-precise-memory-info',
]

const lineThere = `document.querySelector('[role=log] [data-stream]')`
/** Turns at each end of a long list that are held against each other. */
const turnsCompared = 40
const rowOf = (n: number) =>
  `[...document.querySelectorAll('[data-row-link]')].some((one) => one.textContent === 'Session ${n}')`
const whole = `${lineThere} && !/Reading what was before/.test(document.body.textContent)`

async function main() {
  const lines = Number(values.lines)
  const ms = Number(values.seconds) * 1_000
  const { folder } = await buildDashboard()
  const browser = await chromium.launch({
    executablePath: values.chromium,
    args: flags.join(' ').split(' '),
  })
  try {
    const result = {
      at: new Date().toISOString(),
      machine: {
        cores: cpus().length,
        cpu: cpus()[0]?.model.trim() ?? 'not known',
        load: rounded(loadavg()[0] ?? 0),
      },
      chromium: browser.version(),
      first: await measureFirst(),
      session: await measureSession(200),
      terminal: await measureTerminal(lines, ms),
      list: await measureList(),
    }
    const file = join(import.meta.dirname, '../.data/bench', `web-${result.at.replaceAll(':', '-')}.json`)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
    process.stdout.write(`${tableOf(result)}\n`)
  } finally {
    await browser.close()
  }

  /** What is loaded before anything is chosen. */
  async function measureFirst() {
    const fixture = await serveFixture(folder, 1)
    const { page, weights, close } = await openPage(browser)
    await page.goto(`${fixture.origin}/`, { waitUntil: 'networkidle' })
    const weight = await weights()
    await close()
    await fixture.close()
    return weight
  }

  /** A short session: what is loaded, and how long until it can be read and used. */
  async function measureSession(events: number) {
    const fixture = await serveFixture(folder, events)
    const { page, weights, close } = await openPage(browser)
    await page.goto(`${fixture.origin}/sessions/${sessionId}`, { waitUntil: 'commit' })
    const interactive = await sinceOpened(page, `${lineThere} && document.querySelector('[role=treegrid]')`)
    await page.waitForLoadState('load')
    const weight = await weights()
    await close()
    await fixture.close()
    return { ...weight, interactive_ms: Math.round(interactive) }
  }

  /** The list of many sessions, page after page by its key: from the key to the rows. */
  async function measureList() {
    const fixture = await serveFixture(folder, 1)
    const { page, close } = await openPage(browser)
    await page.goto(`${fixture.origin}/sessions`, { waitUntil: 'commit' })
    await sinceOpened(page, rowOf(1))
    const size = Number(await page.evaluate(`document.querySelectorAll('[data-row-link]').length`))
    const turns: number[] = []
    for (let first = size + 1; first <= sessionsListed; first += size) {
      const before = performance.now()
      await page.keyboard.press(']')
      await sinceOpened(page, rowOf(first))
      turns.push(performance.now() - before)
    }
    const heap_mb = await heapMb(page)
    await close()
    await fixture.close()
    return {
      pages: turns.length + 1,
      first: percentiles(turns.slice(0, turnsCompared)),
      last: percentiles(turns.slice(-turnsCompared)),
      heap_mb,
    }
  }

  /** A long one: opened, scrolled through, followed while lines come. */
  async function measureTerminal(events: number, ms: number) {
    const fixture = await serveFixture(folder, events)
    const { page, close } = await openPage(browser)
    await page.goto(`${fixture.origin}/sessions/${sessionId}`, { waitUntil: 'commit' })
    const open = await sinceOpened(page, lineThere)
    const all = await sinceOpened(page, whole)
    const rows = Number(await page.evaluate(`document.querySelectorAll('[role=log] [data-stream]').length`))
    const scroll = await frames(
      page,
      ms,
      'box.scrollTop = ((now - begun) / ms) * box.scrollHeight'.replace('ms', String(ms)),
    )
    const isFollowing = `document.querySelector('button[aria-pressed][class*=follow]').ariaPressed === 'true'`
    // The end of the scroll may have taken up following by itself, a frame later.
    await frames(page, 500)
    if (!(await page.evaluate(isFollowing))) await page.keyboard.press('f')
    await sinceOpened(page, isFollowing)
    fixture.feed(Number(values.rate))
    const begun = fixture.last()
    const follow = await frames(page, ms)
    fixture.feed(0)
    const last = fixture.last()
    const shown = `[...document.querySelectorAll('[role=log] [data-stream] a')].some((one) => Number(one.textContent) >= ${last - 3})`
    await sinceOpened(page, shown)
    const heap_mb = await heapMb(page)
    await close()
    await fixture.close()
    return {
      events,
      open_ms: Math.round(open),
      whole_ms: Math.round(all),
      rows,
      scroll,
      follow,
      came: last - begun,
      heap_mb,
    }
  }
}

type Frames = Awaited<ReturnType<typeof frames>>
type Result = {
  at: string
  machine: { cores: number; cpu: string; load: number }
  chromium: string
  first: { script_kb: number; style_kb: number }
  session: { script_kb: number; style_kb: number; interactive_ms: number }
  terminal: {
    events: number
    open_ms: number
    whole_ms: number
    rows: number
    scroll: Frames
    follow: Frames
    came: number
    heap_mb: number
  }
  list: { pages: number; first: Percentiles; last: Percentiles; heap_mb: number }
}

function tableOf({ at, machine, chromium: version, first, session, terminal, list }: Result) {
  const spread = ({ p50, p99, most, long_tasks }: Frames) => `${p50} / ${p99} / ${most}, ${long_tasks} long`
  const rows: [string, string | number, string][] = [
    ['first load: script / style, kB gz', `${first.script_kb} / ${first.style_kb}`, '≤ 130 / ≤ 15'],
    ['session page with its terminal, the same', `${session.script_kb} / ${session.style_kb}`, ''],
    ['session page interactive, ms', session.interactive_ms, '≤ 1000'],
    [`terminal of ${terminal.events} lines: its end shown, ms`, terminal.open_ms, '≤ 1500'],
    ['… all of it read, ms', terminal.whole_ms, ''],
    ['… rows in the page', terminal.rows, ''],
    ['… scrolling, frame p50 / p99 / most, ms', spread(terminal.scroll), 'p99 ≤ 50'],
    [`… following ${terminal.came} new lines, the same`, spread(terminal.follow), 'p99 ≤ 50'],
    ['… heap after a collection, MB', terminal.heap_mb, '< 150'],
    [`sessions, ${list.pages} pages: the first, p50 / p99 ms`, `${list.first.p50} / ${list.first.p99}`, ''],
    ['… the last', `${list.last.p50} / ${list.last.p99}`, 'no slower'],
    ['… heap after a collection, MB', list.heap_mb, '< 150'],
  ]
  const line = ([name, value, target]: (typeof rows)[number]) =>
    `  ${name.padEnd(48)}${String(value).padStart(34)}  ${target}`.trimEnd()
  const head = `${at} · ${machine.cores} cores (${machine.cpu}) · Chromium ${version} · load before: ${machine.load}`
  return [head, '', ...rows.map(line), ''].join('\n')
}

await main()

import { existsSync } from 'node:fs'
import axe from 'axe-core'
import { type BrowserContextOptions, chromium, type Page, type WebSocketRoute } from 'playwright-core'

/** Where Chromium is on this machine; the first that is there. */
const places = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
const executablePath = places.find((path) => path !== undefined && existsSync(path))

/** Why the browser's stories cannot be run here; null where they can. */
export const noBrowser =
  executablePath === undefined
    ? 'The stories in the browser are skipped: no Chromium here (apt-get install chromium, or set CHROMIUM_PATH).'
    : null

/** As root, without a display, and asking nobody on the network. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
/** How long a person would wait on a busy machine, in ms. */
const patienceMs = 30_000

/** One browser for a file; each story has a context of its own, as a person has who opens the page anew. */
export async function openBrowser(address: string) {
  if (executablePath === undefined) throw new Error(noBrowser ?? '')
  const browser = await chromium.launch({ executablePath, args })

  async function visit(path: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext({
      baseURL: address,
      viewport: { width: 1280, height: 800 },
      ...options,
    })
    context.setDefaultTimeout(patienceMs)
    const page = await context.newPage()
    const errors: string[] = []
    page.on('pageerror', ({ message }) => errors.push(message))
    const cable = await cableOf(page)
    await page.goto(path)
    return { page, errors, cable, leave: () => context.close() }
  }
  return { visit, close: () => browser.close() }
}

/** Goes to a place by its two keys. They count as one only within a second: on a busy machine they are pressed again. */
export async function goBy(page: Page, key: string, heading: string) {
  const there = page.getByRole('heading', { name: heading, exact: true })
  for (let tries = 0; tries < 10; tries += 1) {
    await page.keyboard.press('g')
    await page.keyboard.press(key)
    const found = await there.waitFor({ timeout: patienceMs / 10 }).then(
      () => true,
      () => false,
    )
    if (found) return
  }
  throw new Error(`G and ${key.toUpperCase()} do not lead to ${heading}.`)
}

/** What axe finds wrong with a page, in one line each. */
export async function faultsOf(page: Page) {
  await page.evaluate(axe.source)
  const found = await page.evaluate<{ id: string; targets: string[] }[]>(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      violations.map(({ id, nodes }) => ({ id, targets: nodes.map(({ target }) => target.join(' ')) })))`,
  )
  return found.map(({ id, targets }) => `${id}: ${targets.slice(0, 5).join(', ')}`)
}

/** By how much a page is wider than its window, in pixels; 0 or less is none. */
export function overflowOf(page: Page) {
  return page.evaluate<number>(
    `Math.max(...[document.documentElement, document.querySelector('main')].map((e) => e.scrollWidth - e.clientWidth))`,
  )
}

/** The page's sockets run through it, to the real server, so that they can be cut. */
async function cableOf(page: Page) {
  const sockets = new Set<WebSocketRoute>()
  let isCut = false
  await page.routeWebSocket(/.*/, (socket) => {
    if (isCut) return void socket.close()
    socket.connectToServer()
    sockets.add(socket)
  })
  return {
    async cut() {
      isCut = true
      for (const socket of sockets) await socket.close()
      sockets.clear()
    },
    mend() {
      isCut = false
    },
  }
}

/** Lets nothing through to the API, as when its machine is gone; answers the way back. */
export async function pullAway(page: Page, api: string, cable: Awaited<ReturnType<typeof cableOf>>) {
  const mine = (url: URL) => url.port === new URL(api).port
  await page.route(mine, (route) => route.abort('connectionrefused'))
  await cable.cut()
  return async () => {
    cable.mend()
    await page.unroute(mine)
  }
}

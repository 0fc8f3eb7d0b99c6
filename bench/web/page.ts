import { gzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright-core'
import { percentiles, rounded } from '../measure.ts'

const deadlineMs = 60_000

/** A page of its own, without a cache, and the bytes of script and style that it has loaded, gzipped. */
export async function openPage(browser: Browser) {
  const context = await browser.newContext({ viewport: { width: 1600, height: 1000 } })
  const page = await context.newPage()
  page.setDefaultTimeout(deadlineMs)
  const loaded = { script: 0, style: 0 }
  const measured: Promise<void>[] = []
  page.on('response', (response) => {
    const { pathname } = new URL(response.url())
    const kind = pathname.endsWith('.js') ? 'script' : pathname.endsWith('.css') ? 'style' : null
    if (kind === null) return
    const weighed = response.body().then((body) => {
      loaded[kind] += gzipSync(body).length
    })
    measured.push(weighed.catch(() => {}))
  })
  const weights = async () => {
    await Promise.all(measured)
    return { script_kb: rounded(loaded.script / 1_000, 1), style_kb: rounded(loaded.style / 1_000, 1) }
  }
  return { page, weights, close: () => context.close() }
}

/** Ms from the navigation until an expression of the page is true, looked at every frame, for half a minute. */
export function sinceOpened(page: Page, expression: string): Promise<number> {
  return page.evaluate(`new Promise((found, lost) => {
    const until = performance.now() + 30_000
    const look = () => {
      if (${expression}) return found(performance.now())
      if (performance.now() > until) return lost(new Error(${JSON.stringify(`Never true: ${expression}`)}))
      requestAnimationFrame(look)
    }
    look()
  })`)
}

/** Lengths of the frames of so many ms, in ms, and of the tasks that were longer than 50 ms. */
export async function frames(page: Page, ms: number, during = '') {
  const { lengths, long }: { lengths: number[]; long: number[] } =
    await page.evaluate(`new Promise((done) => {
    const lengths = []
    const long = []
    const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map((one) => one.duration)))
    observer.observe({ entryTypes: ['longtask'] })
    const box = document.querySelector('[role=log]')
    const begun = performance.now()
    let before = begun
    const frame = (now) => {
      lengths.push(now - before)
      before = now
      ${during}
      if (now - begun < ${ms}) return requestAnimationFrame(frame)
      observer.disconnect()
      done({ lengths: lengths.slice(1), long })
    }
    requestAnimationFrame(frame)
  })`)
  const spread = percentiles(lengths)
  return {
    p50: spread.p50,
    p99: spread.p99,
    most: rounded(Math.max(...lengths)),
    n: spread.n,
    long_tasks: long.length,
  }
}

/** What the page's script holds after a collection, in MB. */
export async function heapMb(page: Page) {
  const client = await page.context().newCDPSession(page)
  await client.send('HeapProfiler.collectGarbage')
  const { usedSize } = await client.send('Runtime.getHeapUsage')
  await client.detach()
  return rounded(usedSize / 1e6, 1)
}

import type { Page } from 'playwright-core'
import type { EventBody } from '../e2e/client.ts'

/** What stands in the title block under a name. */
export const factOf = (page: Page, name: string) =>
  page
    .getByRole('region', { name: 'Session', exact: true })
    .locator('dl > div')
    .filter({ has: page.getByText(name, { exact: true }) })
    .locator('dd')
    .first()

/** The state that the rail says it is in. */
export const stateOf = (page: Page) =>
  page.getByRole('list', { name: 'State of the session' }).locator('[aria-current=step] b')

export const terminalOf = (page: Page) => page.getByRole('log', { name: 'Lines' })
export const rowsOf = (page: Page) => page.getByRole('treegrid', { name: 'Tasks' }).getByRole('row')

/** The tasks in the order of the tree, by their ids. */
export async function taskIdsOf(page: Page) {
  return Promise.all((await rowsOf(page).all()).map((row) => row.getAttribute('data-task')))
}

/** Every line of the terminal by its place (`17`, `17-1`), from the first: the box is scrolled through. */
export function placesOf(page: Page) {
  return page.evaluate<string[]>(`(async () => {
    const box = document.querySelector('[role=log]')
    const drawn = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
    const seen = new Map()
    for (let top = 0; ; top += box.clientHeight / 2) {
      box.scrollTop = top
      await drawn()
      for (const link of box.querySelectorAll('a[href^="?line="]'))
        seen.set(new DOMMatrix(getComputedStyle(link.parentElement).transform).f, link.getAttribute('href').slice(6))
      if (top + box.clientHeight >= box.scrollHeight) break
    }
    return [...seen].sort(([a], [b]) => a - b).map(([, place]) => place)
  })()`)
}

/** The events that begin a line: every change, and of what is logged in parts the first. Usage is told elsewhere. */
export function beginnings(events: readonly EventBody[]) {
  const open = new Set<string>()
  return events.flatMap(({ seq, type, task_id, data }) => {
    if (type === 'usage.reported') return []
    if (type !== 'log') return [seq]
    const text = `${task_id} ${data.stream} ${data.call ?? ''}`
    const goesOn = open.has(text)
    if (data.more === true) open.add(text)
    else open.delete(text)
    return goesOn ? [] : [seq]
  })
}

/** A line's event. */
export const seqOf = (place: string) => Number(place.split('-')[0])

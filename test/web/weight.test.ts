import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as z from 'zod'
import { buildDashboard } from '#local/dashboard/build'

/** What the bundler says of each file: what it needs at once. */
const Manifest = z.record(
  z.string(),
  z.object({
    file: z.string(),
    imports: z.array(z.string()).default([]),
    css: z.array(z.string()).default([]),
  }),
)

/** Its own: another test's build may take the usual place while this one reads. */
const parent = mkdtempSync(join(tmpdir(), 'orchestrator-weight-'))
const folder = join(parent, 'page')
let manifest: z.infer<typeof Manifest> = {}
beforeAll(async () => {
  await buildDashboard(folder)
  manifest = Manifest.parse(JSON.parse(readFileSync(join(folder, '.vite/manifest.json'), 'utf8')))
}, 120_000)
afterAll(() => rmSync(parent, { recursive: true, force: true }))

/** The gzipped kB of all that a page needs before it can be used, its own part loaded by the router. */
function weigh(page: string) {
  const needed = new Set<string>()
  const need = (name: string) => {
    const part = manifest[name]
    if (!part) throw new Error(`The build has no ${name}.`)
    if (needed.has(part.file)) return
    for (const file of [part.file, ...part.css]) needed.add(file)
    part.imports.forEach(need)
  }
  need('index.html')
  need(page)
  const kb = (end: string) =>
    [...needed]
      .filter((file) => file.endsWith(end))
      .reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file))).length / 1_000, 0)
  return { script: kb('.js'), style: kb('.css') }
}

it('the first load is at most 130 kB of script and 15 kB of style, gzipped', () => {
  const { script, style } = weigh('pages/overview/page.tsx')
  expect(script).toBeGreaterThan(100)
  expect(script).toBeLessThanOrEqual(130)
  expect(style).toBeGreaterThan(1)
  expect(style).toBeLessThanOrEqual(15)
})

it.each(['sessions', 'session', 'agents', 'tasks'])(
  'the page %s stays within 15 kB of the first load',
  (page) => {
    const { script, style } = weigh(`pages/${page}/page.tsx`)
    expect(script).toBeLessThanOrEqual(145)
    expect(style).toBeLessThanOrEqual(15)
  },
)

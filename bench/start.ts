import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import * as z from 'zod'
import { bundle } from '#infra/check/bundle'
import { functions } from '#infra/wiring'
import { root } from '#local/root'
import { percentiles, rounded } from './measure.ts'

/** Of each function: what is read before its first event, and what loading it takes in a fresh Node; medians. */
export type StartFigures = { name: string; kb: number; import_ms: number; cpu_ms: number }[]

const run = promisify(execFile)
const startMs = 30_000
const Loaded = z.object({ ms: z.number(), cpu: z.number() })

/** Prints what an import took, by the wall and of the processor, without the start of Node itself. */
const loader = `
const cpu = process.cpuUsage()
const began = performance.now()
await import(process.argv[1])
const ms = performance.now() - began
const { user, system } = process.cpuUsage(cpu)
process.stdout.write(JSON.stringify({ ms, cpu: (user + system) / 1e3 }) + '\\n', () => process.exit(0))`

/** Loads the bundle of each function as it is deployed, `rounds` times, each function once a round. */
export async function runStart({ rounds }: { rounds: number }): Promise<StartFigures> {
  const place = mkdtempSync(join(tmpdir(), 'orchestrator-bench-start-'))
  try {
    const built = await Promise.all(
      Object.entries(functions).map(async ([name, { handler }]) => {
        const out = join(place, name)
        const plan = { root, handler, out, minify: true, keep_names: false, splitting: true }
        const { bytes_at_start } = await bundle(plan)
        const file = join(out, `${handler.slice(0, handler.lastIndexOf('.'))}.mjs`)
        return { name, kb: rounded(bytes_at_start / 1_024, 0), url: pathToFileURL(file).href }
      }),
    )
    const loads: ({ name: string } & z.infer<typeof Loaded>)[] = []
    for (let round = 0; round < rounds; round++)
      for (const { name, url } of built) loads.push({ name, ...(await load(url)) })
    return built.map(({ name, kb }) => {
      const own = loads.filter((one) => one.name === name)
      const median = (what: 'ms' | 'cpu') => percentiles(own.map((one) => one[what])).p50
      return { name, kb, import_ms: median('ms'), cpu_ms: median('cpu') }
    })
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

async function load(url: string) {
  const args = ['--input-type=module', '--eval', loader, url]
  const { stdout } = await run(process.execPath, args, { timeout: startMs })
  return Loaded.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''))
}

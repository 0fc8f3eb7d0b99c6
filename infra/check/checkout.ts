import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Graph } from './graph.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const run = promisify(execFile)
const deadlineMs = 150_000
/** In the shape of a key, and nobody's. */
const keyOfThisCheck = `oio_abcdefgh_${'0'.repeat(69)}`

/** Evaluates a stage of a checkout in a process of its own. Rejects with what the program failed with. */
export async function evaluateStage(stage: string, given: { root?: string; admin_key?: string | null } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'orchestrator-graph-'))
  const file = join(folder, 'graph.json')
  const { admin_key = keyOfThisCheck } = given
  const { SST_SECRET_AdminKey: _, ...rest } = process.env
  const env = admin_key === null ? rest : { ...rest, SST_SECRET_AdminKey: admin_key }
  try {
    const place = join(root, 'infra/check/evaluate.ts')
    const args = ['--import', 'tsx', place, stage, file, given.root ?? root]
    await run(process.execPath, args, { cwd: root, env, timeout: deadlineMs, maxBuffer: 1 << 24 })
    const graph: Graph = JSON.parse(readFileSync(file, 'utf8'))
    return graph
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export type Edit = { file: string; from: string; to: string }

/** A checkout like ours with some texts replaced: its own infra, everything else by link. */
export function changedCheckout(edits: readonly Edit[]) {
  const place = mkdtempSync(join(tmpdir(), 'orchestrator-changed-'))
  const own = ['infra', 'sst.config.ts', 'package.json', 'node_modules']
  for (const name of readdirSync(root))
    if (!own.includes(name) && name !== '.git') symlinkSync(join(root, name), join(place, name))
  // Resolved by its real path, a link would lead imports back to the unchanged files.
  for (const name of ['infra', 'sst.config.ts', 'package.json'])
    cpSync(join(root, name), join(place, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'))
  mkdirSync(place, { recursive: true })
  for (const { file, from, to } of edits) {
    const path = join(place, file)
    const text = readFileSync(path, 'utf8')
    if (!text.includes(from)) throw new Error(`${file} has no ${JSON.stringify(from)} to change`)
    writeFileSync(path, text.replace(from, to))
  }
  return { root: place, remove: () => rmSync(place, { recursive: true, force: true }) }
}

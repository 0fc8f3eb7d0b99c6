import type { Api } from '../api/client.ts'
import { exit } from '../exit.ts'
import { plain } from '../harmless.ts'
import { createPaint, type Paint } from '../paint.ts'
import { printJson } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import type { Finding } from './finding.ts'
import { lookAtMachine } from './machine.ts'
import { lookAtService } from './service.ts'

/** OpenCode takes some 2 s to say its version, more on a busy machine. */
const versionTimeoutMs = 20_000

/** What is configured, reachable and missing, with the remedy. @returns 0 when all that is needed is there */
export async function doctor(terminal: Terminal, api: Api, json: boolean) {
  const found = await Promise.all([
    lookAtMachine(terminal.env, versionTimeoutMs),
    lookAtService({ ...api, timeout_ms: Math.min(api.timeout_ms, 10_000) }, terminal.now),
  ])
  const findings = found.flat()
  const well = findings.every(({ status }) => status !== 'missing')
  if (json)
    printJson(terminal, { ok: well, findings: findings.map((one) => ({ ...one, name: one.name.trim() })) })
  else terminal.out(render(findings, well, createPaint(terminal.colour)))
  return well ? exit.ok : exit.failed
}

function render(findings: Finding[], well: boolean, paint: Paint) {
  const marks = { ok: paint.green('✓'), warning: paint.yellow('!'), missing: paint.red('✗') }
  const lines = findings.flatMap(({ name, status, detail, remedy }) => [
    `${marks[status]} ${name.padEnd(14)} ${plain(detail)}`,
    ...(remedy ? [`  ${' '.repeat(14)} ${paint.dim(`→ ${plain(remedy)}`)}`] : []),
  ])
  const verdict = well
    ? paint.green('All that is needed is there.')
    : paint.red('Something needed is missing.')
  return [...lines, '', verdict].map((line) => `${line}\n`).join('')
}

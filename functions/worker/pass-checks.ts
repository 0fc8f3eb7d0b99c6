import { type CheckResult, type OnOutput, runCheck } from './checks.ts'
import type { Driver } from './driver.ts'
import { AttemptFailure } from './ending.ts'
import type { Outbox } from './outbox.ts'
import { repairPrompt } from './prompt.ts'

type Checking = {
  checks: Parameters<typeof runCheck>[0][]
  cwd: string
  env: Record<string, string>
  hidden: string[]
  signal: AbortSignal
  outbox: Outbox
  driver: Driver
  /** The name of the turn in which the engine repairs. */
  repair: string
}

/**
 * Runs the checks; what fails is given to the engine once, and then everything is checked again.
 * @throws AttemptFailure check_failed
 */
export async function passChecks(checking: Checking): Promise<CheckResult[]> {
  const first = await runChecks(checking)
  const failed = first.find(isFailed)
  if (!failed) return first
  await checking.driver.turn(checking.repair, repairPrompt(failed))
  const second = await runChecks(checking)
  const still = second.find(isFailed)
  if (!still) return second
  const how = still.exit_code === null ? 'did not end in time' : `exited with ${still.exit_code}`
  const message = `The check \`${still.command}\` ${how}:\n${still.output_tail.slice(-2_000)}`
  throw new AttemptFailure('check_failed', message)
}

const isFailed = ({ exit_code }: CheckResult) => exit_code !== 0

/** One after the other up to the first that fails, each of them shown as a tool. */
async function runChecks({ checks, cwd, env, hidden, signal, outbox, driver }: Checking) {
  const results: CheckResult[] = []
  for (const check of checks) {
    const shown = { stream: 'tool' as const, tool: 'check', call: `check-${results.length}` }
    await outbox.push({ ...shown, text: check.command, status: 'running' })
    const onOutput: OnOutput = (stream, text) => outbox.push({ stream, text, tool: 'check' })
    const result = await runCheck(check, { cwd, env, hidden, signal, onOutput })
    signal.throwIfAborted()
    results.push(result)
    const text = `exit ${result.exit_code ?? 'none: ended at its time limit'}, ${result.seconds.toFixed(1)} s`
    await outbox.push({ ...shown, text, status: isFailed(result) ? 'error' : 'completed' })
    if (isFailed(result)) break
  }
  const passed = results.filter((result) => !isFailed(result)).length
  if (results.length > 0) await driver.say(`${passed} of ${checks.length} checks passed.`)
  return results
}

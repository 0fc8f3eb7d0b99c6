import { join } from 'node:path'
import type { Complete } from '#core/task/wire'
import type { Checkpointer } from './checkpointer.ts'
import { noMarkers } from './checks.ts'
import type { Driver } from './driver.ts'
import { AttemptFailure } from './ending.ts'
import { pushBranch } from './git/push.ts'
import { passChecks } from './pass-checks.ts'
import { cleanEnvironment } from './process/environment.ts'
import { firstPrompt, reminderPrompt, retryPrompt } from './prompt.ts'
import { commitResult, uploadResult } from './result.ts'
import type { Running } from './running.ts'
import { storable } from './text.ts'
import type { Workspace } from './workspace.ts'

/** An attempt whose folder and engine are there. */
export type Working = { driver: Driver; workspace: Workspace; checkpointer: Checkpointer }

/** Has the engine make a plan, and answers it. @throws AttemptFailure plan_missing */
export async function makePlan(running: Running, working: Working): Promise<Complete> {
  const { assignment } = running
  const { driver, workspace } = working
  await driver.turn('work', firstPrompt(assignment, assignment.messages))
  await driver.answerMessages()
  if (!workspace.progress.plan) await driver.turn('remind', reminderPrompt)
  const { plan } = workspace.progress
  if (!plan)
    throw new AttemptFailure('plan_missing', 'The engine ended twice without submitting a valid plan.')
  await settle(running, working)
  return { ...resultOf(running, working), plan }
}

/** Has the engine do the task, checks, commits and uploads what it did. @throws AttemptFailure check_failed */
export async function makeWork(running: Running, working: Working): Promise<Complete> {
  const { assignment, client, task_id, attempt, state, stop } = running
  const { driver, workspace, checkpointer } = working
  const { task, previous_error, messages } = assignment
  const { progress, base } = workspace
  if (task.kind === 'WORK' || progress.conflict) await driver.turn('work', firstPrompt(assignment, messages))
  // Who goes on from a snapshot of the attempt that failed has not read it with the first prompt.
  if (workspace.restored && previous_error?.code === 'check_failed')
    await driver.turn(`retry-${task.failures}`, retryPrompt(previous_error))
  await driver.answerMessages()
  const checks = await check(running, working)
  await driver.answerMessages()
  await checkpointer.stop()
  const commit = await commitResult(workspace, task)
  const from = task.kind === 'INTEGRATION' ? base : progress.start
  const uploaded = await uploadResult(client, { workspace, state, from, commit, task_id, attempt }, stop)
  const pushed = task.kind === 'INTEGRATION' ? await push(running, commit, workspace) : {}
  await settle(running, working)
  return { ...resultOf(running, working), ...uploaded, commit, checks, ...pushed }
}

/** The checks of the task, and before them, where a conflict is resolved, that nothing is left of it. */
async function check({ assignment: { task }, config, state, stop, outbox }: Running, working: Working) {
  const { directory, progress } = working.workspace
  const { conflict } = progress
  return passChecks({
    checks: [...(conflict ? [noMarkers(conflict.files)] : []), ...task.checks],
    cwd: directory,
    env: await cleanEnvironment(join(state, 'checks')),
    hidden: config.hidden ?? [],
    signal: stop,
    outbox,
    driver: working.driver,
    repair: `repair-${task.failures}`,
  })
}

async function push({ assignment, log, outbox, stop }: Running, commit: string, { mirror }: Workspace) {
  const branch = `orchestrator/${assignment.session.id}`
  const pushed = await pushBranch(mirror, branch, commit, stop)
  log(pushed.pushed ? 'branch_pushed' : 'branch_refused', { branch })
  if (pushed.pushed) return { branch, push: { pushed: true } }
  await outbox.push({ stream: 'system', text: `The branch was not pushed: ${pushed.reason}` })
  return { branch: null, push: { pushed: false, reason: pushed.reason } }
}

/** Everything said is accepted; from here on only the result counts. */
async function settle({ stop, outbox }: Running, { driver, checkpointer }: Working) {
  await checkpointer.stop()
  stop.throwIfAborted()
  await driver.dispose()
  await outbox.flush()
}

function resultOf({ attempt, assignment, outbox }: Running, { driver, workspace }: Working): Complete {
  const summary = driver.said || workspace.progress.plan?.summary || assignment.task.title
  return {
    attempt,
    batch: outbox.batch,
    summary: storable(summary.slice(0, 20_000)),
    commit: null,
    base_commit: workspace.base,
    artifact_id: null,
    patch_artifact_id: null,
    diff: null,
    checks: [],
  }
}

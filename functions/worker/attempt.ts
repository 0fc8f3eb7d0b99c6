import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plan } from '#core/plan/plan'
import type { Assignment, Complete, Release } from '#core/task/wire'
import { Approvals } from './approvals.ts'
import { Checkpointer, type Trigger } from './checkpointer.ts'
import { noMarkers } from './checks.ts'
import { ApiError, type Client } from './client.ts'
import type { WorkerConfig } from './config.ts'
import { Countdown } from './countdown.ts'
import { Driver } from './driver.ts'
import { AttemptFailure, Ended, type Ending, failureOf, Unmergeable } from './ending.ts'
import type { Engine } from './engine/engine.ts'
import { dropRefs } from './git/bundle.ts'
import type { Mirrors } from './git/mirror.ts'
import { pushBranch } from './git/push.ts'
import { removeWorktree } from './git/worktree.ts'
import { type Log, reasonOf } from './log.ts'
import { contextGet } from './mcp/context_get.ts'
import { contextList } from './mcp/context_list.ts'
import { contextPut } from './mcp/context_put.ts'
import { planSubmit } from './mcp/plan_submit.ts'
import type { McpServer } from './mcp/server.ts'
import { subtaskAdd } from './mcp/subtask_add.ts'
import { Outbox } from './outbox.ts'
import { passChecks } from './pass-checks.ts'
import { cleanEnvironment } from './process/environment.ts'
import { firstPrompt, reminderPrompt, retryPrompt } from './prompt.ts'
import { commitResult, uploadCheckpoint, uploadResult } from './result.ts'
import { storable } from './text.ts'
import { prepareWorkspace, type Workspace } from './workspace.ts'

export type AttemptDeps = {
  client: Client
  config: WorkerConfig
  engine: Engine
  mirrors: Mirrors
  mcp: McpServer
  log: Log
}

/** One claimed task, from its claim to complete, fail or release. `run` never throws. */
export class Attempt {
  readonly task_id: string
  readonly attempt: number
  readonly #deps: AttemptDeps
  readonly #assignment: Assignment
  readonly #gone = new AbortController()
  readonly #stop = new AbortController()
  readonly #state: string
  readonly #outbox: Outbox
  readonly #log: Log
  readonly #approvals: Approvals
  readonly #countdown: Countdown
  #workspace: Workspace | undefined
  #driver: Driver | undefined
  #checkpointer: Checkpointer | undefined
  #plan: Plan | undefined
  #earlyMessages: { id: string; text: string }[] = []

  constructor(deps: AttemptDeps, assignment: Assignment) {
    const { task } = assignment
    this.#deps = deps
    this.#assignment = assignment
    this.#log = deps.log
    this.task_id = task.id
    this.attempt = task.attempt
    this.#state = join(deps.config.home, 'attempts', `${task.id}-${task.attempt}`)
    this.#outbox = new Outbox({
      client: deps.client,
      task: task.id,
      attempt: task.attempt,
      signal: this.#gone.signal,
      onAction: (action) => this.end({ kind: 'release', reason: action }),
      onLost: (error) => this.end({ kind: 'abandon', reason: reasonOf(error) }),
    })
    const left = task.deadline === null ? null : Date.parse(task.deadline) - Date.now()
    this.#countdown = new Countdown(left, () => this.end({ kind: 'timeout' }))
    this.#approvals = new Approvals({
      client: deps.client,
      task: task.id,
      attempt: task.attempt,
      signal: this.#stop.signal,
      // The time that people take is not the attempt's.
      onWait: (waits) => (waits ? this.#countdown.pause() : this.#countdown.run()),
    })
  }

  /** Ends it from outside; `run` then checkpoints and releases, or cleans up silently. The first word counts, except that abandoning overrules. */
  end(ending: Ending) {
    this.#stop.abort(new Ended(ending))
    if (ending.kind !== 'abandon') return
    this.#gone.abort(new Ended(ending))
    void this.#driver?.dispose().catch(() => undefined)
  }

  /** A message of the operator for the engine. */
  async steer(id: string, text: string) {
    if (this.#driver) await this.#driver.steer(id, text)
    else this.#earlyMessages.push({ id, text })
  }

  /** The answer to something that the engine asked. */
  answered(data: Record<string, unknown>) {
    this.#approvals.answered(data)
  }

  /** A checkpoint that somebody asked for. */
  async checkpointNow() {
    await this.#checkpointer?.now('MANUAL')
  }

  async run() {
    this.#countdown.run()
    this.#log('attempt_started', {
      kind: this.#assignment.task.kind,
      resumed: this.#assignment.resume !== null,
    })
    try {
      await this.#deps.client.complete(this.task_id, await this.#work(), this.#gone.signal)
      this.#log('attempt_completed')
    } catch (error) {
      await this.#conclude(error).catch((problem) =>
        this.#log('attempt_lost', { reason: reasonOf(problem) }, 'warn'),
      )
    } finally {
      this.#countdown.pause()
      await this.#cleanUp().catch((error) => this.#log('cleanup_failed', { reason: reasonOf(error) }, 'warn'))
    }
  }

  async #work(): Promise<Complete> {
    const assignment = this.#assignment
    await mkdir(this.#state, { recursive: true })
    const signal = this.#stop.signal
    const prepared = { ...this.#deps, assignment, home: this.#deps.config.home, state: this.#state, signal }
    const workspace = await prepareWorkspace(prepared)
    this.#workspace = workspace
    if (workspace.conflict) throw new Unmergeable(workspace.conflict)
    this.#plan = workspace.progress.plan ?? undefined
    const driver = this.#createDriver(workspace)
    this.#driver = driver
    const messages = [...assignment.messages, ...this.#earlyMessages.splice(0)]
    for (const { id, text } of messages) await driver.steer(id, text)
    const { checkpointEvery: every, checkpointPeriod: period } = this.#deps.config.timing
    const take = (trigger: Trigger) => this.#takeCheckpoint(trigger)
    this.#checkpointer = new Checkpointer({ take, every, period, log: this.#log })
    if (assignment.task.kind === 'PLAN') return this.#makePlan(driver, workspace)
    return this.#makeWork(driver, workspace)
  }

  #createDriver(workspace: Workspace) {
    const accept = (plan: Plan) => {
      this.#plan = plan
      workspace.progress.plan = plan
    }
    const planning = this.#assignment.task.kind === 'PLAN'
    return new Driver({
      ...this.#deps,
      assignment: this.#assignment,
      tools: [
        ...(planning ? [planSubmit(this.#assignment.plan_limits.max_tasks, accept)] : []),
        ...this.#contextTools(),
        ...this.#subtaskTools(),
      ],
      outbox: this.#outbox,
      progress: workspace.progress,
      directory: workspace.directory,
      state: this.#state,
      restored: workspace.restored,
      gone: this.#gone.signal,
      stop: this.#stop.signal,
      log: this.#log,
      decide: (request) => this.#approvals.decide(request),
      onToolFinished: () => this.#checkpointer?.toolUsed(),
    })
  }

  /** An integration merges what is there; it has nothing to remember. */
  #contextTools() {
    const { session, task } = this.#assignment
    if (task.kind === 'INTEGRATION') return []
    const of = { session_id: session.id, task_id: this.task_id, attempt: this.attempt }
    const memory = { client: this.#deps.client, ...of, signal: this.#gone.signal }
    return [contextGet(memory), contextPut(memory), contextList(memory)]
  }

  /** What else turns out to be needed may become tasks of its own, but for a plan's and a merge's. */
  #subtaskTools() {
    if (this.#assignment.task.kind !== 'WORK') return []
    const { client } = this.#deps
    return [subtaskAdd({ client, task_id: this.task_id, attempt: this.attempt, signal: this.#gone.signal })]
  }

  async #makePlan(driver: Driver, { base }: Workspace): Promise<Complete> {
    await driver.turn('work', firstPrompt(this.#assignment, this.#assignment.messages))
    await driver.answerMessages()
    if (!this.#plan) await driver.turn('remind', reminderPrompt)
    if (!this.#plan)
      throw new AttemptFailure('plan_missing', 'The engine ended twice without submitting a valid plan.')
    await this.#settle()
    return { ...this.#result(driver, base), plan: this.#plan }
  }

  async #makeWork(driver: Driver, workspace: Workspace): Promise<Complete> {
    const { task } = this.#assignment
    const { progress, base } = workspace
    const { previous_error, messages } = this.#assignment
    if (task.kind === 'WORK' || progress.conflict)
      await driver.turn('work', firstPrompt(this.#assignment, messages))
    // Who goes on from a snapshot of the attempt that failed has not read it with the first prompt.
    if (workspace.restored && previous_error?.code === 'check_failed')
      await driver.turn(`retry-${task.failures}`, retryPrompt(previous_error))
    await driver.answerMessages()
    const checks = await this.#check(driver, workspace)
    await driver.answerMessages()
    await this.#checkpointer?.stop()
    const commit = await commitResult(workspace, task)
    const from = task.kind === 'INTEGRATION' ? base : progress.start
    const names = { task_id: this.task_id, attempt: this.attempt }
    const uploaded = await uploadResult(
      this.#deps.client,
      { workspace, state: this.#state, from, commit, ...names },
      this.#stop.signal,
    )
    const pushed = task.kind === 'INTEGRATION' ? await this.#push(commit, workspace) : {}
    await this.#settle()
    return { ...this.#result(driver, base), ...uploaded, commit, checks, ...pushed }
  }

  /** The checks of the task, and before them, where a conflict is resolved, that nothing is left of it. */
  async #check(driver: Driver, { directory, progress: { conflict } }: Workspace) {
    const { task } = this.#assignment
    return passChecks({
      checks: [...(conflict ? [noMarkers(conflict.files)] : []), ...task.checks],
      cwd: directory,
      env: await cleanEnvironment(join(this.#state, 'checks')),
      hidden: this.#deps.config.hidden ?? [],
      signal: this.#stop.signal,
      outbox: this.#outbox,
      driver,
      repair: `repair-${task.failures}`,
    })
  }

  async #push(commit: string, { mirror }: Workspace) {
    const branch = `orchestrator/${this.#assignment.session.id}`
    const pushed = await pushBranch(mirror, branch, commit, this.#stop.signal)
    this.#log(pushed.pushed ? 'branch_pushed' : 'branch_refused', { branch })
    if (pushed.pushed) return { branch, push: { pushed: true } }
    await this.#outbox.push({ stream: 'system', text: `The branch was not pushed: ${pushed.reason}` })
    return { branch: null, push: { pushed: false, reason: pushed.reason } }
  }

  /** Everything said is accepted; from here on only the result counts. */
  async #settle() {
    await this.#checkpointer?.stop()
    this.#stop.signal.throwIfAborted()
    await this.#driver?.dispose()
    await this.#outbox.flush()
  }

  #result(driver: Driver, base: string): Complete {
    const summary = driver.said || this.#plan?.summary || this.#assignment.task.title
    return {
      attempt: this.attempt,
      batch: this.#outbox.batch,
      summary: storable(summary.slice(0, 20_000)),
      commit: null,
      base_commit: base,
      artifact_id: null,
      patch_artifact_id: null,
      diff: null,
      checks: [],
    }
  }

  async #takeCheckpoint(trigger: Trigger) {
    const workspace = this.#workspace
    const session = this.#driver?.session
    // Without an engine nothing was done yet that the last checkpoint, or the start, does not hold.
    if (!workspace || !session || this.#gone.signal.aborted) return
    const { client } = this.#deps
    const task = this.#assignment.task
    await this.#outbox.flush()
    const body = await uploadCheckpoint(
      client,
      { workspace, state: this.#state, session, task },
      this.#gone.signal,
    )
    const number = await client.checkpoint(
      this.task_id,
      { attempt: this.attempt, trigger, ...body },
      this.#gone.signal,
    )
    this.#log('checkpoint_taken', { number, trigger, size: body.size })
  }

  /** Says how it ended to whom it concerns; nobody, when the task is no longer ours. */
  async #conclude(error: unknown) {
    if (this.#gone.signal.aborted || (error instanceof ApiError && error.gone)) {
      this.#log('attempt_abandoned', { reason: reasonOf(this.#gone.signal.reason ?? error) })
      return
    }
    const ended = this.#stop.signal.aborted ? this.#stop.signal.reason : undefined
    const ending = ended instanceof Ended ? ended.ending : undefined
    const { client } = this.#deps
    if (ending?.kind === 'release') {
      const trigger = ending.reason === 'stop' ? 'BEFORE_STOP' : 'BEFORE_PAUSE'
      await this.#lastCheckpoint(trigger)
      await this.#outbox.flush()
      await this.#release({ reason: ending.reason })
      return
    }
    if (!ending && error instanceof Unmergeable) {
      await this.#outbox.push({ stream: 'system', text: `Git cannot merge: ${error.message}.` })
      await this.#outbox.flush()
      await this.#release({ reason: 'merge_conflict', conflict: error.conflict })
      return
    }
    const failure = ending
      ? { code: 'timeout' as const, message: 'The time limit of the attempt was reached.', retryable: true }
      : failureOf(error)
    if (ending) await this.#lastCheckpoint('BEFORE_STOP')
    else await this.#checkpointer?.stop()
    await this.#outbox.push({
      stream: 'system',
      text: `The attempt failed (${failure.code}): ${failure.message}`,
    })
    await this.#outbox.flush()
    await client.fail(
      this.task_id,
      { attempt: this.attempt, batch: this.#outbox.batch, ...failure },
      this.#gone.signal,
    )
    this.#log('attempt_failed', { code: failure.code, retryable: failure.retryable }, 'warn')
  }

  async #release(why: Pick<Release, 'reason' | 'conflict'>) {
    const body = { attempt: this.attempt, batch: this.#outbox.batch, ...why }
    await this.#deps.client.release(this.task_id, body, this.#gone.signal)
    this.#log('attempt_released', { reason: why.reason })
  }

  async #lastCheckpoint(trigger: Trigger) {
    await this.#checkpointer?.stop()
    await this.#checkpointer
      ?.now(trigger)
      .catch((error) => this.#log('checkpoint_failed', { trigger, reason: reasonOf(error) }, 'warn'))
  }

  async #cleanUp() {
    // What still waits for the api (a checkpoint, a batch) has nobody to report to now.
    if (!this.#gone.signal.aborted) this.#gone.abort(new Ended({ kind: 'abandon', reason: 'over' }))
    this.#stop.abort()
    await this.#driver?.dispose()
    await this.#checkpointer?.stop()
    if (this.#workspace) {
      const { mirror, directory } = this.#workspace
      await removeWorktree(mirror, directory)
      await dropRefs(mirror, [this.task_id, `${this.task_id}-checkpoint`])
    }
    await rm(this.#state, { recursive: true, force: true, maxRetries: 3 })
  }
}

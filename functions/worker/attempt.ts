import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plan } from '#core/plan/plan'
import type { Assignment, Complete } from '#core/task/wire'
import { Approvals } from './approvals.ts'
import { Checkpointer, type Trigger } from './checkpointer.ts'
import type { Client } from './client.ts'
import { makePlan, makeWork } from './complete.ts'
import { conclude } from './conclude.ts'
import type { WorkerConfig } from './config.ts'
import { Countdown } from './countdown.ts'
import { Driver } from './driver.ts'
import { Ended, type Ending, Unmergeable } from './ending.ts'
import type { Engine } from './engine/engine.ts'
import { dropRefs } from './git/bundle.ts'
import type { Mirrors } from './git/mirror.ts'
import { removeWorktree } from './git/worktree.ts'
import { type Log, reasonOf } from './log.ts'
import type { McpServer } from './mcp/server.ts'
import { Outbox } from './outbox.ts'
import { uploadCheckpoint } from './result.ts'
import type { Running } from './running.ts'
import { toolsOf } from './tools.ts'
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
  readonly #running: Running
  readonly #gone = new AbortController()
  readonly #stop = new AbortController()
  readonly #approvals: Approvals
  readonly #countdown: Countdown
  #workspace: Workspace | undefined
  #driver: Driver | undefined
  #checkpointer: Checkpointer | undefined
  #earlyMessages: { id: string; text: string }[] = []

  constructor(deps: AttemptDeps, assignment: Assignment) {
    const { task } = assignment
    const { client, config, log } = deps
    const [stop, gone] = [this.#stop.signal, this.#gone.signal]
    this.#deps = deps
    this.task_id = task.id
    this.attempt = task.attempt
    const outbox = new Outbox({
      client,
      task: task.id,
      attempt: task.attempt,
      signal: gone,
      onAction: (action) => this.end({ kind: 'release', reason: action }),
      onLost: (error) => this.end({ kind: 'abandon', reason: reasonOf(error) }),
    })
    const state = join(config.home, 'attempts', `${task.id}-${task.attempt}`)
    const { task_id, attempt } = this
    this.#running = { client, config, log, assignment, task_id, attempt, state, outbox, stop, gone }
    const left = task.deadline === null ? null : Date.parse(task.deadline) - Date.now()
    this.#countdown = new Countdown(left, () => this.end({ kind: 'timeout' }))
    this.#approvals = new Approvals({
      client,
      task: task.id,
      attempt: task.attempt,
      signal: stop,
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
    const { client, log, assignment, gone } = this.#running
    this.#countdown.run()
    log('attempt_started', { kind: assignment.task.kind, resumed: assignment.resume !== null })
    try {
      await client.complete(this.task_id, await this.#work(), gone)
      log('attempt_completed')
    } catch (error) {
      await conclude(this.#running, this.#checkpointer, error).catch((problem) =>
        log('attempt_lost', { reason: reasonOf(problem) }, 'warn'),
      )
    } finally {
      this.#countdown.pause()
      await this.#cleanUp().catch((error) => log('cleanup_failed', { reason: reasonOf(error) }, 'warn'))
    }
  }

  async #work(): Promise<Complete> {
    const { assignment, config, state, stop, log } = this.#running
    await mkdir(state, { recursive: true })
    const workspace = await prepareWorkspace({
      ...{ ...this.#deps, assignment, home: config.home, state },
      signal: stop,
    })
    this.#workspace = workspace
    if (workspace.conflict) throw new Unmergeable(workspace.conflict)
    const driver = this.#createDriver(workspace)
    this.#driver = driver
    const messages = [...assignment.messages, ...this.#earlyMessages.splice(0)]
    for (const { id, text } of messages) await driver.steer(id, text)
    const { checkpointEvery: every, checkpointPeriod: period } = config.timing
    const take = (trigger: Trigger) => this.#takeCheckpoint(trigger)
    const checkpointer = new Checkpointer({ take, every, period, log })
    this.#checkpointer = checkpointer
    const make = assignment.task.kind === 'PLAN' ? makePlan : makeWork
    return make(this.#running, { driver, workspace, checkpointer })
  }

  #createDriver(workspace: Workspace) {
    const accept = (plan: Plan) => {
      workspace.progress.plan = plan
    }
    const { directory, progress, restored } = workspace
    return new Driver({
      ...this.#running,
      ...{ engine: this.#deps.engine, mcp: this.#deps.mcp, directory, progress, restored },
      tools: toolsOf(this.#running, accept),
      decide: (request) => this.#approvals.decide(request),
      onToolFinished: () => this.#checkpointer?.toolUsed(),
    })
  }

  async #takeCheckpoint(trigger: Trigger) {
    const { client, assignment, state, outbox, gone, log } = this.#running
    const workspace = this.#workspace
    const session = this.#driver?.session
    // Without an engine nothing was done yet that the last checkpoint, or the start, does not hold.
    if (!workspace || !session || gone.aborted) return
    await outbox.flush()
    const { task } = assignment
    const body = await uploadCheckpoint(client, { workspace, state, session, task }, gone)
    const number = await client.checkpoint(this.task_id, { attempt: this.attempt, trigger, ...body }, gone)
    log('checkpoint_taken', { number, trigger, size: body.size })
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
    await rm(this.#running.state, { recursive: true, force: true, maxRetries: 3 })
  }
}

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { InboxItem } from '#core/agent/wire'
import { Attempt } from './attempt.ts'
import { ApiError, Client } from './client.ts'
import type { WorkerConfig } from './config.ts'
import type { Engine } from './engine/engine.ts'
import { opencodeEngine } from './engine/opencode/driver.ts'
import { Mirrors } from './git/mirror.ts'
import { Inbox } from './inbox.ts'
import { createLog, type Log, reasonOf, withFields } from './log.ts'
import { McpServer } from './mcp/server.ts'
import { type Protection, taskProtection } from './protection.ts'
import { backoff, createQueue, wait } from './wait.ts'

type Item = ReturnType<(typeof InboxItem)['parse']>

/** Items whose repetition is known as one; far more than can wait at once. */
const mostRemembered = 1_000

export const exitCodes = { done: 0, failed: 1, takenOver: 3 } as const

export type RunOptions = { engine?: Engine; signal?: AbortSignal; log?: Log }

/**
 * Runs an agent worker until the signal, then checkpoints and releases what it holds. Returns the exit
 * code: 0 when it was asked to end, 3 when another process with its name took over.
 */
export async function runWorker(config: WorkerConfig, options: RunOptions = {}): Promise<number> {
  const agent: { agent_id?: string } = {}
  const log = options.log ?? createLog(() => agent)
  const mcp = await McpServer.start(log)
  try {
    const engine = options.engine ?? opencodeEngine({ model: config.model, hidden: config.hidden ?? [] })
    return await new Worker({ config, engine, mcp, log, agent }).run(
      options.signal ?? new AbortController().signal,
    )
  } finally {
    await mcp.stop()
  }
}

type Deps = { config: WorkerConfig; engine: Engine; mcp: McpServer; log: Log; agent: { agent_id?: string } }

/** A mirror that was not fetched for so long is removed when the worker starts. */
const unusedDays = 30

class Worker {
  readonly #deps: Deps
  readonly #client: Client
  readonly #mirrors: Mirrors
  readonly #protection: Protection
  readonly #attempts = new Map<string, { attempt: Attempt; over: Promise<void> }>()
  readonly #over = new AbortController()
  readonly #handled = new Set<string>()
  readonly #inTurn = createQueue()
  #inbox: Inbox | undefined
  #exit: number = exitCodes.done
  #stopping = false

  constructor(deps: Deps) {
    this.#deps = deps
    this.#client = new Client(deps.config.apiUrl, deps.config.apiKey)
    this.#mirrors = new Mirrors(join(deps.config.home, 'mirrors'), deps.config.repositories)
    this.#protection = taskProtection(deps.config.ecsAgentUri, deps.log)
  }

  async run(signal: AbortSignal): Promise<number> {
    const { config } = this.#deps
    // What a killed process left behind: its tasks are offered anew, with their checkpoints.
    for (const folder of ['work', 'attempts']) {
      await rm(join(config.home, folder), { recursive: true, force: true })
      await mkdir(join(config.home, folder), { recursive: true })
    }
    await this.#mirrors.collect(unusedDays)
    const ended = () => this.#over.abort()
    signal.addEventListener('abort', ended, { once: true })
    if (signal.aborted) ended()
    try {
      await this.#register()
      await Promise.all([this.#heartbeats(), this.#inboxes()])
    } catch (error) {
      if (!this.#over.signal.aborted) {
        this.#deps.log('worker_failed', { reason: reasonOf(error) }, 'error')
        this.#exit = exitCodes.failed
        this.#over.abort()
      }
    } finally {
      signal.removeEventListener('abort', ended)
    }
    await this.#release()
    this.#deps.log('worker_ended', { exit: this.#exit })
    return this.#exit
  }

  async #register() {
    const { config, engine, log, agent } = this.#deps
    const { name, capabilities, capacity, labels } = config
    const body = { name, engine: engine.describe(), capabilities, capacity, labels }
    log('worker_registering', { name, engine: body.engine, capacity, capabilities })
    agent.agent_id = await this.#client.register(body, this.#over.signal)
    // What was opened before is another agent's, or of a token that no longer counts.
    this.#inbox?.close()
    this.#inbox = undefined
    log('worker_registered', { name })
  }

  async #heartbeats() {
    const { heartbeat } = this.#deps.config.timing
    let away = false
    while (!this.#over.signal.aborted) {
      try {
        await this.#beat()
        if (away) this.#deps.log('control_plane_back')
        away = false
      } catch (error) {
        if (await this.#refused(error)) continue
        if (!away && !this.#over.signal.aborted) {
          this.#deps.log('control_plane_away', { reason: reasonOf(error) }, 'warn')
        }
        away = true
      }
      await wait(heartbeat, this.#over.signal)
    }
  }

  async #beat() {
    await this.#protection.hold(this.#attempts.size > 0)
    const holding = [...this.#attempts.values()].map(({ attempt: { task_id, attempt } }) => ({
      task_id,
      attempt,
    }))
    const answer = await this.#client.heartbeat(holding, await this.#mirrors.urls(), this.#over.signal)
    for (const { task_id, attempt, reason } of answer.drop) {
      this.#attempts.get(keyOf(task_id, attempt))?.attempt.end({ kind: 'abandon', reason })
    }
  }

  async #inboxes() {
    let failures = 0
    const { signal } = this.#over
    while (!signal.aborted) {
      this.#inbox ??= this.#openInbox()
      const inbox = this.#inbox
      try {
        for (const item of await inbox.next(signal)) await this.#process(item)
        failures = 0
      } catch (error) {
        inbox.again()
        failures += 1
        if (!(await this.#refused(error))) await wait(backoff(failures, 250), signal)
      }
    }
    this.#inbox?.close()
  }

  #openInbox() {
    const { config, log, agent } = this.#deps
    const { inboxSeconds: seconds, live: timing } = config.timing
    return new Inbox({ client: this.#client, agent_id: agent.agent_id ?? '', seconds, timing, log })
  }

  /** Items come again until they are acknowledged, and are dealt with once. */
  async #process(item: Item) {
    if (!this.#handled.has(item.id)) await this.#handle(item)
    this.#handled.add(item.id)
    for (const oldest of this.#handled) {
      if (this.#handled.size <= mostRemembered) break
      this.#handled.delete(oldest)
    }
    await this.#client.ack(item.id, this.#over.signal)
  }

  async #handle(item: Item) {
    const { task_id, attempt, data } = item
    if (task_id !== null && attempt !== null) {
      const held = this.#attempts.get(keyOf(task_id, attempt))?.attempt
      if (item.kind === 'OFFER') await this.#offered(task_id, attempt, data.request_id)
      if (item.kind === 'INTERRUPT') this.#interrupted(held, String(data.reason ?? 'pause'))
      if (item.kind === 'ANSWER') held?.answered(data)
      if (item.kind === 'MESSAGE')
        await held?.steer(String(data.message_id ?? item.id), String(data.text ?? ''))
    }
  }

  #interrupted(held: Attempt | undefined, reason: string) {
    if (reason !== 'checkpoint') return held?.end({ kind: 'release', reason })
    const { log } = this.#deps
    void held?.checkpointNow().catch((error) => log('checkpoint_failed', { reason: reasonOf(error) }, 'warn'))
  }

  async #offered(task_id: string, attempt: number, request_id: unknown) {
    const taken = this.#inTurn(() => this.#take(task_id, attempt, request_id))
    if (!this.#isFull) return taken
    // It waits for a slot: what else is in the inbox is for those who hold the slots, and does not wait with it.
    void taken.catch((error) => this.#deps.log('offer_gone', { task_id, attempt, reason: reasonOf(error) }))
  }

  /** Claims what is offered as soon as a slot is free; declines when none is in time. */
  async #take(task_id: string, attempt: number, request_id: unknown) {
    const key = keyOf(task_id, attempt)
    await this.#untilFree()
    if (this.#attempts.has(key) || this.#stopping || this.#over.signal.aborted) return
    const { log } = this.#deps
    try {
      if (this.#isFull) {
        await this.#client.decline(task_id, attempt, 'all slots are taken', this.#over.signal)
        return
      }
      const assignment = await this.#client.claim(task_id, attempt, this.#over.signal)
      const ids = {
        ...(typeof request_id === 'string' ? { request_id } : {}),
        ...{ session_id: assignment.session.id, task_id, attempt },
      }
      const deps = { ...this.#deps, client: this.#client, mirrors: this.#mirrors, log: withFields(log, ids) }
      const claimed = new Attempt(deps, assignment)
      const over = claimed.run().finally(() => this.#attempts.delete(key))
      this.#attempts.set(key, { attempt: claimed, over })
      await this.#protection.hold(true)
    } catch (error) {
      if (!(error instanceof ApiError) || error.retryable || error.status === 401) throw error
      log('offer_gone', { task_id, attempt, code: error.code })
    }
  }

  get #isFull() {
    return this.#attempts.size >= this.#deps.config.capacity
  }

  /** For the control plane a slot is free once its work is handed in; here its folder is still cleared away. */
  async #untilFree() {
    const { slot } = this.#deps.config.timing
    const enough = AbortSignal.any([this.#over.signal, AbortSignal.timeout(slot)])
    while (this.#isFull && !enough.aborted) {
      await Promise.race([...[...this.#attempts.values()].map(({ over }) => over), wait(slot, enough)])
    }
  }

  /** Whether the control plane no longer knows us: taken over (then we end), or forgotten (then we register again). */
  async #refused(error: unknown): Promise<boolean> {
    if (!(error instanceof ApiError) || this.#over.signal.aborted) return false
    const { log, config } = this.#deps
    if (error.status === 401) {
      log(
        'worker_taken_over',
        { name: config.name, reason: 'another process registered with this name' },
        'error',
      )
      this.#exit = exitCodes.takenOver
      this.#abandonAll('taken over')
      this.#over.abort()
      return true
    }
    if (error.status !== 404 && error.status !== 410) return false
    log('worker_forgotten', { name: config.name }, 'warn')
    this.#abandonAll('the agent is no longer known')
    await this.#register()
    return true
  }

  #abandonAll(reason: string) {
    for (const { attempt } of this.#attempts.values()) attempt.end({ kind: 'abandon', reason })
  }

  /** Gives back what is held, within the grace; what takes longer is lost to its deadline. */
  async #release() {
    this.#stopping = true
    for (const { attempt } of this.#attempts.values()) attempt.end({ kind: 'release', reason: 'shutdown' })
    const all = Promise.all([...this.#attempts.values()].map(({ over }) => over))
    const grace = new AbortController()
    await Promise.race([all, wait(this.#deps.config.timing.grace, grace.signal)])
    grace.abort()
    this.#abandonAll('the worker ends')
    const last = new AbortController()
    await Promise.race([all, wait(2_000, last.signal)])
    last.abort()
  }
}

function keyOf(task_id: string, attempt: number) {
  return `${task_id} ${attempt}`
}

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Assignment } from '#core/task/wire'
import type { Client } from './client.ts'
import type { Engine, EngineEvent, EngineSession } from './engine/engine.ts'
import type { Decide } from './engine/permission.ts'
import { type Log, reasonOf } from './log.ts'
import type { McpServer } from './mcp/server.ts'
import type { Tool } from './mcp/tool.ts'
import type { Outbox } from './outbox.ts'
import type { Progress } from './progress.ts'
import { continuedNote, messagePrompt } from './prompt.ts'

export type DriverOptions = {
  assignment: Assignment
  engine: Engine
  mcp: McpServer
  tools: Tool[]
  client: Client
  outbox: Outbox
  progress: Progress
  directory: string
  state: string
  /** Whether the worktree holds an earlier attempt's files, and so its memory should be restored too. */
  restored: boolean
  /** Ends everything at once. */
  gone: AbortSignal
  /** Ends the turn; the engine stays for a last checkpoint. */
  stop: AbortSignal
  log: Log
  decide: Decide
  onToolFinished: () => void
}

/**
 * Drives the engine through an attempt's turns: starts it when first needed, restores its memory, hands
 * on what it says, and steers it. An integration without conflict never starts one.
 */
export class Driver {
  readonly #options: DriverOptions
  readonly #access: ReturnType<McpServer['open']>
  #opened: EngineSession | undefined
  /** The engine once its memory is whole: only then may it be checkpointed. */
  #session: EngineSession | undefined
  /** A turn of the attempt before is under way again and stands in for the next prompt. */
  #resumed = false
  #continued = false
  #active = false
  #queue: { id: string; text: string }[] = []
  #said = ''

  constructor(options: DriverOptions) {
    this.#options = options
    this.#access = options.mcp.open(options.tools)
  }

  get session() {
    return this.#session
  }

  /** The last text the engine said, which serves as the summary of its work. */
  get said() {
    return this.#said.trim()
  }

  /** Begins the engine and restores what memory there is, before the first turn. */
  async open() {
    if (this.#session) return this.#session
    const { engine, assignment, directory, state, gone, log } = this.#options
    const title = `${assignment.task.key}: ${assignment.task.title}`
    const stop = AbortSignal.any([gone, this.#options.stop])
    const own = join(state, 'engine')
    await mkdir(own, { recursive: true })
    const session = await engine.open({
      directory,
      state: own,
      title,
      mcp: this.#access,
      asks: assignment.asks ?? [],
      decide: this.#options.decide,
      log,
      signal: stop,
    })
    this.#opened = session
    if (this.#options.restored) await this.#restoreMemory(session)
    this.#session = session
    return session
  }

  async #restoreMemory(session: EngineSession) {
    const { assignment, client, state, stop, log } = this.#options
    const record = assignment.resume?.engine ?? {}
    const artifact = record.history_artifact_id
    if (typeof artifact === 'string') {
      const history = join(state, 'resumed-history')
      try {
        await client.download(artifact, history, stop)
        this.#resumed = await session.resume({ record, history })
      } catch (error) {
        stop.throwIfAborted()
        log('engine_memory_not_restored', { reason: reasonOf(error) }, 'warn')
      }
    }
    this.#continued = !this.#resumed
    await this.say(this.#resumed ? 'Resumed from the last checkpoint, files and memory.' : noMemory)
  }

  /**
   * One turn, followed until the engine is idle. A turn that ended before the last checkpoint is skipped; one
   * that was under way then goes on, and the prompt is not given again.
   */
  async turn(name: string, prompt: string) {
    const { progress, stop } = this.#options
    if (progress.done.includes(name)) return
    const session = await this.open()
    stop.throwIfAborted()
    if (this.#resumed && progress.turn !== name) await this.#follow(session, progress.turn)
    if (!this.#resumed) {
      await session.start(this.#continued ? `${continuedNote}\n\n${prompt}` : prompt)
      progress.turn = name
      this.#continued = false
    }
    await this.#follow(session, name)
  }

  async #follow(session: EngineSession, name: string | null) {
    const { progress, stop } = this.#options
    this.#resumed = false
    const interrupt = () => void session.interrupt().catch(() => undefined)
    stop.addEventListener('abort', interrupt, { once: true })
    this.#active = true
    try {
      if (stop.aborted) interrupt()
      for (const { id, text } of this.#queue.splice(0)) await this.#deliver(session, id, text)
      for await (const event of session.follow()) await this.#take(event)
    } finally {
      this.#active = false
      stop.removeEventListener('abort', interrupt)
    }
    stop.throwIfAborted()
    if (name !== null) progress.done.push(name)
  }

  /** Turns for messages that came while the engine was idle, until there are none. */
  async answerMessages() {
    const { progress, assignment } = this.#options
    const { turn } = progress
    if (turn?.startsWith('message-')) await this.turn(turn, messagePrompt(assignment.messages))
    while (this.#queue.length > 0) {
      const messages = this.#queue.splice(0)
      progress.delivered.push(...messages.map(({ id }) => id))
      await this.turn(`message-${messages[0]?.id}`, messagePrompt(messages))
    }
  }

  /** Hands a message of the operator to the engine now, or before the attempt ends. Repeats are harmless. */
  async steer(id: string, text: string) {
    const { delivered } = this.#options.progress
    if (delivered.includes(id) || this.#queue.some((message) => message.id === id)) return
    if (this.#active && this.#session) await this.#deliver(this.#session, id, text)
    else this.#queue.push({ id, text })
  }

  async #deliver(session: EngineSession, id: string, text: string) {
    await session.steer(id, text)
    this.#options.progress.delivered.push(id)
  }

  async #take(event: EngineEvent) {
    if (event.type === 'usage') return this.#options.outbox.report(event.usage)
    if (event.type === 'tool_finished') return this.#options.onToolFinished()
    const { data } = event
    if (data.stream === 'text') this.#said = (data.part ? this.#said + data.text : data.text).slice(-20_000)
    await this.#options.outbox.push(data)
  }

  /** A line of our own in the log. */
  async say(text: string) {
    await this.#options.outbox.push({ stream: 'system', text })
  }

  async dispose() {
    this.#access.close()
    await this.#opened?.dispose()
  }
}

const noMemory =
  'The files of the last checkpoint were restored; the memory could not be, so it begins anew over them.'

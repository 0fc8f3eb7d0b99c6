import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import * as z from 'zod'
import { reasonOf } from '../../log.ts'
import { wait } from '../../wait.ts'
import {
  type Engine,
  EngineError,
  type EngineEvent,
  type EngineMemory,
  type EngineSession,
  type Json,
  type OpenOptions,
} from '../engine.ts'
import { type ModelConfig, modelOf } from '../model.ts'
import type { Decide } from '../permission.ts'
import type { OpencodeApi } from './api.ts'
import { opencodeBinary, opencodeVersion } from './config.ts'
import { History } from './history.ts'
import { type OpencodeServer, startServer } from './process.ts'
import { answerRequest, openRequests, requestOf } from './requests.ts'
import { LiveStream } from './stream.ts'
import { Translator } from './translate.ts'
import { OfSession, PartUpdated, SessionError, SessionStatus, StatusMap } from './wire.ts'

export type OpencodeOptions = {
  model: ModelConfig
  /** Files and folders of this machine that agents find empty. */
  hidden?: string[]
  binary?: string
  startDeadline?: number
}

const agent = 'build'
/** How long a rejection waits for further asks of its step. */
const siblingsMs = 1_500
const Created = z.object({ id: z.string() })
const LastMessages = z.array(z.object({ info: z.object({ finish: z.string().optional() }) }))
const Handle = z.object({
  session_id: z.string(),
  message_id: z.string(),
  part_id: z.string(),
  directory: z.string(),
})
type Handle = z.infer<typeof Handle>

/** The engine that drives a real `opencode serve`, one per attempt. */
export function opencodeEngine(options: OpencodeOptions): Engine {
  const { model, hidden = [], binary = opencodeBinary(), startDeadline = 60_000 } = options
  const { provider, model: id } = modelOf(model)
  return {
    describe: () => ({
      name: 'opencode',
      version: opencodeVersion,
      model: `${provider}/${id}`,
      rehearsal: model.kind === 'rehearsal',
    }),
    open: async (open) => {
      const server = await startServer(open, { binary, model, hidden, startDeadline })
      const session = new OpencodeSession(server, open, { providerID: provider, modelID: id })
      await session.listen().catch(async (error) => {
        await session.dispose()
        throw error
      })
      return session
    },
  }
}

class OpencodeSession implements EngineSession {
  readonly #server: OpencodeServer
  readonly #api: OpencodeApi
  readonly #open: OpenOptions
  readonly #model: { providerID: string; modelID: string }
  readonly #history: History
  readonly #stream: LiveStream
  readonly #closed = new AbortController()
  #translator = new Translator()
  /** Events that are known but not yet read by `follow`. */
  #pending: EngineEvent[] = []
  #handle: Handle | undefined
  #missed = false
  /** The turn under way: whether it was seen working, and how it failed. */
  #turn = { busy: false, over: false, failure: undefined as EngineError | undefined }
  #answered = new Set<string>()
  /** Asks under way, by the engine's session; and whether one was rejected since the last prompt. */
  #asking = new Map<string, Set<Promise<unknown>>>()
  #rejected = false

  constructor(server: OpencodeServer, open: OpenOptions, model: { providerID: string; modelID: string }) {
    this.#server = server
    this.#api = server.api
    this.#open = open
    this.#model = model
    this.#history = new History(server.api, join(open.state, 'history.ndjson'))
    const signal = AbortSignal.any([server.gone, this.#closed.signal])
    this.#stream = new LiveStream(server.api, signal, () => {
      this.#missed = true
    })
  }

  listen() {
    return this.#stream.open()
  }

  async start(prompt: string) {
    if (!this.#handle) {
      const { id } = Created.parse(await this.#api.post('/session', { title: this.#open.title }))
      this.#handle = { session_id: id, message_id: '', part_id: '', directory: this.#open.directory }
    }
    const message = messageId()
    this.#handle = { ...this.#handle, message_id: message, part_id: `prt_${message.slice(4)}` }
    await this.#send(this.#handle, prompt)
  }

  async resume({ record, history }: EngineMemory) {
    const handle = Handle.safeParse(record).data
    if (!handle) return false
    const translator = new Translator()
    let prompt: string | undefined
    try {
      await this.#history.replay(history, handle.directory, this.#open.directory, ({ type, data }) => {
        translator.skip(type, data)
        const part = PartUpdated.safeParse(data).data?.part
        if (part?.type === 'text' && part.id === handle.part_id) prompt = part.text
      })
      if (prompt === undefined) return false
      this.#translator = translator
      this.#handle = { ...handle, directory: this.#open.directory }
      // The same ids again: a finished turn stays finished, an unfinished one goes on.
      await this.#send(this.#handle, prompt)
      return true
    } catch (error) {
      this.#open.log('engine_replay_failed', { reason: reasonOf(error) }, 'warn')
      this.#handle = undefined
      return false
    }
  }

  async steer(id: string, text: string) {
    if (!this.#handle) return
    const message = messageId(Date.now(), id)
    await this.#send({ ...this.#handle, message_id: message, part_id: `prt_${message.slice(4)}` }, text, true)
  }

  async #send(handle: Handle, text: string, steering = false) {
    if (!steering) this.#turn = { busy: false, over: false, failure: undefined }
    await this.#api.post(`/session/${handle.session_id}/prompt_async`, {
      messageID: handle.message_id,
      agent,
      model: this.#model,
      parts: [{ id: handle.part_id, type: 'text', text }],
    })
  }

  async *follow(): AsyncGenerator<EngineEvent> {
    const started = Date.now()
    let silent = 0
    let quiet = 0
    while (!this.#turn.over || (await this.#goesOn())) {
      yield* this.#drain()
      if (this.#missed) yield* this.#catchUp()
      const event = await this.#stream.next(tick)
      this.#server.gone.throwIfAborted()
      if (event) {
        silent = 0
        yield* await this.#take(event.type, event.properties)
        if (!this.#turn.over || (await this.#status()) === 'idle') continue
        // A steering message arrived at the last moment: the turn goes on.
        this.#turn = { ...this.#turn, busy: true, over: false }
        continue
      }
      silent += tick
      await this.#askOpen()
      // Should the events have been lost, the status map still tells when the turn is over.
      quiet = (await this.#status()) === 'idle' ? quiet + 1 : 0
      if (quiet >= 2 && Date.now() - started > 2 * tick) this.#turn.over = true
      if (silent >= 12 * tick) await this.#stream.reopen()
    }
    yield* this.#catchUp()
    if (this.#turn.failure) throw this.#turn.failure
  }

  async #take(type: string, data: Record<string, unknown>): Promise<EngineEvent[]> {
    if (type === 'permission.asked' || type === 'question.asked') {
      this.#ask(type, data)
      return []
    }
    const own = OfSession.safeParse(data).data?.sessionID === this.#handle?.session_id
    if (own && type === 'session.status') {
      const status = SessionStatus.safeParse(data).data?.status.type
      if (status !== 'idle') this.#turn.busy = true
      else if (this.#turn.busy) this.#turn.over = true
    }
    if (own && type === 'session.idle' && this.#turn.busy) this.#turn.over = true
    if (own && type === 'session.error') this.#fail(data)
    if (own && type === 'message.part.updated') this.#recover(data)
    return this.#translator.take(type, data)
  }

  #fail(data: unknown) {
    const error = SessionError.safeParse(data).data?.error
    if (!error || error.name === 'MessageAbortedError') return
    const { message, statusCode, isRetryable } = error.data ?? {}
    const status = statusCode === undefined ? '' : ` (${statusCode})`
    this.#turn.failure = new EngineError(
      `${message ?? error.name}${status}`.slice(0, 2_000),
      isRetryable ?? true,
    )
    // An unknown model or agent fails before the session is ever busy.
    this.#turn.busy = true
  }

  /** A new step after an error (a compaction, for one): the error was overcome. */
  #recover(data: unknown) {
    const part = PartUpdated.safeParse(data).data?.part
    if (part?.type === 'step-start' && part.sessionID === this.#handle?.session_id)
      this.#turn.failure = undefined
  }

  async #status() {
    const status = StatusMap.parse(await this.#api.get('/session/status'))
    return status[this.#handle?.session_id ?? '']?.type ?? 'idle'
  }

  /**
   * Has one ask decided, while the turn's events go on to be read: a person may take long. It is both announced
   * live and found by polling, and answered once.
   */
  #ask(type: string, data: unknown) {
    const request = requestOf(type, data)
    if (!request || this.#answered.has(request.id)) return
    this.#answered.add(request.id)
    const { signal } = this.#open
    const decide = this.#decideFor(OfSession.safeParse(data).data?.sessionID ?? '')
    answerRequest(this.#api, request, { decide, signal }).then(
      (text) => this.#pending.push({ type: 'log', data: { stream: 'system', text } }),
      // The attempt is ending, and its turn with it.
      (error) => this.#open.log('ask_dropped', { reason: reasonOf(error) }),
    )
  }

  /**
   * OpenCode ends every ask of a session with the first that is rejected: a rejection waits until the others
   * are decided, since a step's tools are waited for together anyway.
   */
  #decideFor(session: string): Decide {
    return async (request) => {
      const asking = this.#asking.get(session) ?? new Set()
      this.#asking.set(session, asking)
      const deciding = this.#open.decide(request)
      asking.add(deciding)
      const decision = await deciding.finally(() => asking.delete(deciding))
      if (decision.reply !== 'reject') return decision
      // Tools of one step ask one after the other: the last may be a moment behind.
      do {
        await Promise.allSettled([...asking])
        await wait(siblingsMs, this.#open.signal)
      } while (asking.size > 0 && !this.#open.signal.aborted)
      this.#rejected = true
      return decision
    }
  }

  /** Where several were rejected the turn was cut off after its tools; it is to go on without them. */
  async #goesOn() {
    if (!this.#rejected || !this.#handle || this.#turn.failure || this.#open.signal.aborted) return false
    this.#rejected = false
    const path = `/session/${this.#handle.session_id}/message?limit=1`
    const last = LastMessages.parse(await this.#api.get(path)).at(-1)
    if (last?.info.finish !== 'tool-calls') return false
    const message = messageId()
    const handle = { ...this.#handle, message_id: message, part_id: `prt_${message.slice(4)}` }
    await this.#send(handle, 'What was not allowed is not to be done. Go on with the rest of the task.')
    return true
  }

  async #askOpen() {
    if (this.#open.signal.aborted) return
    for (const { type, data } of await openRequests(this.#api)) this.#ask(type, data)
  }

  *#drain() {
    const events = this.#pending
    this.#pending = []
    yield* events
  }

  /** Reads from the history what the live stream may have missed. */
  async *#catchUp() {
    if (this.#missed) this.#translator.broken()
    this.#missed = false
    await this.#pull()
    yield* this.#drain()
  }

  async #pull() {
    for (const { type, data } of await this.#history.pull())
      this.#pending.push(...this.#translator.take(type, data))
  }

  async interrupt() {
    if (this.#handle) await this.#api.post(`/session/${this.#handle.session_id}/abort`, {}, 5_000)
    // Already idle: no further event need come to say so.
    if ((await this.#status()) === 'idle') this.#turn.over = true
  }

  usage() {
    return this.#translator.usage
  }

  async checkpoint(): Promise<EngineMemory> {
    await this.#pull()
    const record: Record<string, Json> = { ...(this.#handle ?? {}), version: opencodeVersion }
    return { record, history: await this.#history.pack() }
  }

  async dispose() {
    this.#closed.abort(new EngineError('the engine was ended'))
    await this.#server.end()
  }
}

const tick = 2_000

/** Ids sort by time, as OpenCode's own do; `of` makes the rest of it the same for the same thing. */
function messageId(ms = Date.now(), of?: string) {
  const time = (BigInt(ms) * 4096n).toString(16).slice(-12).padStart(12, '0')
  const rest = of === undefined ? randomBytes(7) : createHash('sha256').update(of).digest().subarray(0, 7)
  return `msg_${time}${rest.toString('hex')}`
}

import { createReadStream } from 'node:fs'
import { mkdir, open, stat } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import * as z from 'zod'
import { HeartbeatAnswer, type Held, InboxItem, type Register } from '#core/agent/wire'
import { ApprovalAnswer, type NewApproval } from '#core/approval/approval'
import type { ContextPut } from '#core/context/entry'
import { socketUrl } from '#core/live/client/inputs'
import {
  Assignment,
  type Complete,
  type EventBatch,
  EventBatchAnswer,
  type Fail,
  type NewArtifact,
  type NewSubtasks,
  type Release,
  SubtasksAnswer,
  type WorkCheckpoint,
} from '#core/task/wire'
import { backoff, wait } from './wait.ts'

const Problem = z.looseObject({
  code: z.string().default('unknown'),
  detail: z.string().default(''),
  retryable: z.boolean().optional(),
})
const Registered = z.object({ agent: z.looseObject({ id: z.string() }), token: z.string() })
const Inbox = z.object({ items: z.array(InboxItem) })
const Ticket = z.object({ ticket: z.string(), url: z.string().optional() })
const Upload = z.object({
  id: z.string(),
  upload: z.object({
    method: z.string().default('PUT'),
    url: z.string(),
    headers: z.record(z.string(), z.string()).default({}),
  }),
})
const Download = z.object({ id: z.string(), size: z.number(), download: z.object({ url: z.string() }) })
const Numbered = z.object({ number: z.int() })

/** The control plane refused a call. `retryable` is its word for "the same call may work later". */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly retryable: boolean
  readonly problem: Record<string, unknown>

  constructor(status: number, problem: z.infer<typeof Problem>) {
    super(problem.detail || `${status} ${problem.code}`)
    this.name = 'ApiError'
    this.status = status
    this.code = problem.code
    this.retryable = problem.retryable ?? (status === 429 || status >= 500)
    this.problem = problem
  }

  /** The task is no longer ours to work on: whatever we did is to be thrown away silently. */
  get gone() {
    if ([401, 404, 410].includes(this.status)) return true
    return this.status === 409 && !['artifact_missing', 'version_conflict', 'batch_gap'].includes(this.code)
  }
}

const ContextEntry = z.object({
  scope: z.string(),
  key: z.string(),
  value: z.json(),
  version: z.int(),
  author: z.string(),
})
const ContextEntries = z.object({ items: z.array(ContextEntry), next_cursor: z.string().nullable() })

/** Where a context entry is, in the words of a path; and the attempt that asks. */
export type ContextPlace = { scope: string; id: string; task_id: string; attempt: number }

type CallOptions = {
  headers?: Record<string, string>
  body?: unknown
  signal?: AbortSignal | undefined
  deadline?: number
  tries?: number
}

/**
 * The worker's side of the REST contract, in one place. Every call has a deadline; what is retryable is
 * sent again with backoff and jitter until `tries` are used up or `signal` says that nobody waits any more.
 */
export class Client {
  readonly #base: string
  readonly #key: string
  #token = ''
  #agent = ''

  /** The key only registers; everything else is done with the token that this gives. */
  constructor(apiUrl: string, key = '') {
    this.#key = key
    this.#base = apiUrl.replace(/\/+$/, '')
  }

  /** Registers, and keeps the id and token for the calls that follow. */
  async register(body: Register, signal?: AbortSignal) {
    this.#token = this.#key
    const answer = Registered.parse(await this.#call('POST', '/agents', { body, signal }))
    this.#token = answer.token
    this.#agent = answer.agent.id
    return answer.agent.id
  }

  async heartbeat(holding: Held[], repositories: string[], signal?: AbortSignal) {
    const body = { holding, repositories }
    const path = `/agents/${this.#agent}/heartbeat`
    return HeartbeatAnswer.parse(await this.#call('POST', path, { body, signal, tries: 1, deadline: 8_000 }))
  }

  /** Waits up to `seconds` for items on the far side. */
  async inbox(seconds: number, signal?: AbortSignal) {
    const path = `/agents/${this.#agent}/inbox?wait=${seconds}`
    const options = { signal, tries: 1, deadline: (seconds + 10) * 1_000 }
    return Inbox.parse(await this.#call('GET', path, options)).items
  }

  /** Where a socket can be opened, with a ticket for it. */
  async socketUrl(signal?: AbortSignal) {
    const answer = await this.#call('POST', '/socket-tickets', { signal, tries: 1, deadline: 8_000 })
    return socketUrl(this.#base, Ticket.parse(answer))
  }

  async ack(item: string, signal?: AbortSignal) {
    await this.#call('POST', `/agents/${this.#agent}/inbox/${item}/ack`, { signal, tries: 3 })
  }

  async claim(task: string, attempt: number, signal?: AbortSignal) {
    return Assignment.parse(await this.#call('POST', `/tasks/${task}/claim`, { body: { attempt }, signal }))
  }

  async decline(task: string, attempt: number, reason: string, signal?: AbortSignal) {
    await this.#call('POST', `/tasks/${task}/decline`, { body: { attempt, reason }, signal, tries: 3 })
  }

  async events(task: string, body: EventBatch, signal?: AbortSignal) {
    return EventBatchAnswer.parse(await this.#call('POST', `/tasks/${task}/events`, { body, signal }))
  }

  async checkpoint(task: string, body: WorkCheckpoint, signal?: AbortSignal) {
    return Numbered.parse(await this.#call('POST', `/tasks/${task}/checkpoints`, { body, signal })).number
  }

  /** Asks what the engine asks; the same ask again tells how it stands. */
  async approve(task: string, body: NewApproval, signal?: AbortSignal) {
    return ApprovalAnswer.parse(await this.#call('POST', `/tasks/${task}/approvals`, { body, signal }))
  }

  /** Adds tasks below one that runs; the same again answers how they stand. */
  async addSubtasks(task: string, body: NewSubtasks, signal?: AbortSignal) {
    const options = { body, signal, tries: 3 }
    return SubtasksAnswer.parse(await this.#call('POST', `/tasks/${task}/subtasks`, options)).items
  }

  async complete(task: string, body: Complete, signal?: AbortSignal) {
    await this.#call('POST', `/tasks/${task}/complete`, { body, signal })
  }

  async fail(task: string, body: Fail, signal?: AbortSignal) {
    await this.#call('POST', `/tasks/${task}/fail`, { body, signal })
  }

  async release(task: string, body: Release, signal?: AbortSignal) {
    await this.#call('POST', `/tasks/${task}/release`, { body, signal })
  }

  /** An entry of the place or, where it has none, of a wider one. */
  async readContext({ scope, id }: ContextPlace, key: string, signal?: AbortSignal) {
    const path = `/contexts/${scope}/${id}/${encodeURIComponent(key)}`
    return ContextEntry.parse(await this.#call('GET', path, { signal, tries: 3 }))
  }

  async listContext(
    { scope, id }: ContextPlace,
    query: { prefix: string | undefined; cursor: string | undefined },
    signal?: AbortSignal,
  ) {
    const given = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, value)
    const path = `/contexts/${scope}/${id}?${given}`
    return ContextEntries.parse(await this.#call('GET', path, { signal, tries: 3 }))
  }

  /** Writes an entry based on a version, 0 for a new one. */
  async putContext(
    { scope, id, task_id, attempt }: ContextPlace,
    { key, version, body }: { key: string; version: number; body: ContextPut },
    signal?: AbortSignal,
  ) {
    const path = `/contexts/${scope}/${id}/${encodeURIComponent(key)}?task_id=${task_id}&attempt=${attempt}`
    const options = { headers: { 'if-match': `"${version}"` }, body, signal, tries: 3 }
    return ContextEntry.parse(await this.#call('PUT', path, options))
  }

  /** Uploads a file as an artifact of the attempt and returns its id. A failed upload starts anew. */
  async upload(of: Omit<z.infer<typeof NewArtifact>, 'size'>, file: string, signal?: AbortSignal) {
    const { size } = await stat(file)
    return this.#retrying({ signal, tries: 5 }, async () => {
      const body = { ...of, size }
      const { id, upload } = Upload.parse(await this.#call('POST', '/artifacts', { body, signal }))
      await sendFile(new URL(upload.url, this.#base), upload.method, upload.headers, file, size, signal)
      return id
    })
  }

  /** Downloads an artifact into a file, whole or not at all, within `deadline` ms. */
  async download(artifact: string, file: string, signal?: AbortSignal, deadline = 300_000) {
    await mkdir(dirname(file), { recursive: true })
    await this.#retrying({ signal, tries: 5 }, async () => {
      const found = Download.parse(await this.#call('GET', `/artifacts/${artifact}`, { signal }))
      const within = AbortSignal.timeout(deadline)
      const response = await fetch(new URL(found.download.url, this.#base), {
        signal: signal ? AbortSignal.any([signal, within]) : within,
      })
      if (!response.ok || !response.body) {
        await response.body?.cancel()
        throw new ApiError(response.status, { code: 'download_refused', detail: `artifact ${artifact}` })
      }
      const target = await open(file, 'w')
      await pipeline(response.body, target.createWriteStream())
      const { size } = await stat(file)
      if (size !== found.size) throw new Error(`artifact ${artifact} has ${size} of ${found.size} bytes`)
    })
  }

  async #call(method: string, path: string, options: CallOptions): Promise<unknown> {
    return this.#retrying(options, () => this.#once(method, path, options))
  }

  async #once(method: string, path: string, { headers, body, signal, deadline = 20_000 }: CallOptions) {
    const within = AbortSignal.timeout(deadline)
    const response = await fetch(this.#base + path, {
      method,
      headers: {
        ...(this.#token ? { authorization: `Bearer ${this.#token}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal ? AbortSignal.any([signal, within]) : within,
    })
    const text = await response.text()
    if (response.ok) return text === '' ? null : JSON.parse(text)
    const problem = Problem.safeParse(parseJson(text))
    throw new ApiError(response.status, problem.data ?? { code: 'unknown', detail: text.slice(0, 500) })
  }

  async #retrying<T>({ signal, tries = 1_000_000 }: CallOptions, work: () => Promise<T>): Promise<T> {
    for (let n = 1; ; n += 1) {
      try {
        return await work()
      } catch (error) {
        if (signal?.aborted || n >= tries || !passes(error)) throw error
        await wait(backoff(n), signal)
      }
    }
  }
}

/** Whether the cause may pass by itself: no answer at all, or an answer that says so. */
function passes(error: unknown) {
  if (error instanceof ApiError) return error.retryable
  return !(error instanceof z.ZodError) && !(error instanceof SyntaxError)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

/** A PUT with Content-Length, which object stores insist on and a streamed `fetch` does not send. */
async function sendFile(
  url: URL,
  method: string,
  headers: Record<string, string>,
  file: string,
  size: number,
  signal?: AbortSignal,
  deadline = 300_000,
) {
  const within = AbortSignal.timeout(deadline)
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  const status = await new Promise<number>((resolve, reject) => {
    const request = send(
      url,
      {
        method,
        headers: { ...headers, 'content-length': size },
        signal: signal ? AbortSignal.any([signal, within]) : within,
      },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0)).on('error', reject)
      },
    )
    request.on('error', reject)
    pipeline(createReadStream(file), request).catch(reject)
  })
  if (status >= 200 && status < 300) return
  // A refused upload is asked for anew: its URL may have expired.
  throw new ApiError(status, { code: 'upload_refused', detail: `upload answered ${status}`, retryable: true })
}

import { createServer, type IncomingMessage, type Server } from 'node:http'
import type * as z from 'zod'
import { Heartbeat, type InboxItem, Register } from '#core/agent/wire'
import { NewApproval } from '#core/approval/approval'
import { allowed } from '#core/approval/decision'
import { newId } from '#core/id'
import {
  type Assignment,
  Claim,
  Complete,
  Decline,
  EventBatch,
  Fail,
  type LogData,
  NewArtifact,
  NewSubtasks,
  Release,
  WorkCheckpoint,
} from '#core/task/wire'
import { LivePlay } from '../live/server.ts'

type Offer = {
  assignment: Assignment
  ended: Ended | undefined
  tell: (ended: Ended) => void
  over: Promise<Ended>
}
export type Ended =
  | { call: 'complete'; body: Complete }
  | { call: 'fail'; body: Fail }
  | { call: 'release'; body: z.infer<typeof Release> }
  | { call: 'decline'; body: z.infer<typeof Decline> }
export type Seen = {
  logs: LogData[]
  checkpoints: WorkCheckpoint[]
  batches: number
  usage: number
  subtasks: NewSubtasks['tasks']
}

const nothingSeen = (): Seen => ({ logs: [], checkpoints: [], batches: 0, usage: 0, subtasks: [] })

/** The workers' part of the control plane, in memory: every body is checked by the schemas of the real one. */
export class ControlPlane {
  readonly #server: Server
  readonly #offers = new Map<string, Offer>()
  readonly #seen = new Map<string, Seen>()
  readonly artifacts = new Map<string, Buffer>()
  /** The agents' inboxes, and the sockets that they come on. */
  readonly live: LivePlay
  agent = newId('agent')
  /** How often the inbox was read over REST, and each item acknowledged. */
  reads = 0
  readonly acks: string[] = []
  readonly #waiting = new Set<() => void>()
  readonly #watching = new Set<() => void>()
  registrations: z.infer<typeof Register>[] = []
  problems: string[] = []
  token = ''
  /** So many acknowledgements fail before one is heard. */
  deaf = 0
  /** While true, event batches are answered 503. */
  away = false
  port = 0

  constructor() {
    this.#server = createServer((request, response) => {
      this.#route(request).then(
        ([status, body]) => {
          const type = status >= 400 ? 'application/problem+json' : 'application/json'
          response.writeHead(status, { 'content-type': type })
          response.end(body instanceof Buffer ? body : body === undefined ? '' : JSON.stringify(body))
        },
        (error) => {
          this.problems.push(`${request.method} ${request.url}: ${error}`)
          response.writeHead(400).end(JSON.stringify({ code: 'invalid_input', detail: String(error) }))
        },
      )
    })
    this.live = new LivePlay(this.#server)
  }

  async start() {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (typeof address === 'object' && address) this.port = address.port
    return this
  }

  get url() {
    return `http://127.0.0.1:${this.port}/api/v1`
  }

  async stop() {
    this.live.kill()
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  /** Offers a task; the promise is settled by its complete, fail or release. */
  offer(assignment: Assignment): Promise<Ended> {
    let tell: (ended: Ended) => void = () => undefined
    const over = new Promise<Ended>((resolve) => {
      tell = resolve
    })
    this.#offers.set(assignment.task.id, { assignment, ended: undefined, tell, over })
    this.#seen.set(assignment.task.id, nothingSeen())
    this.send('OFFER', assignment, {})
    return over
  }

  send(kind: InboxItem_['kind'], { task }: Assignment, data: InboxItem_['data']) {
    const id = newId('inbox')
    const item = {
      id,
      kind,
      task_id: task.id,
      attempt: task.attempt,
      data,
      created_at: new Date().toISOString(),
    }
    this.live.put(this.agent, item)
    for (const wake of this.#waiting) wake()
  }

  /** The task moved on elsewhere: every call that quotes the attempt is refused from now on. */
  fence({ task }: Assignment) {
    this.#offers.delete(task.id)
  }

  seen(task: string): Seen {
    return this.#seen.get(task) ?? nothingSeen()
  }

  /** Returns when what was seen of a task satisfies the test. */
  async until(task: string, test: (seen: Seen) => boolean) {
    while (!test(this.seen(task))) {
      await new Promise<void>((resolve) => this.#watching.add(resolve))
    }
    return this.seen(task)
  }

  text(task: string, stream: LogData['stream']) {
    const logs = this.seen(task).logs.filter((log) => log.stream === stream)
    return logs.map(({ text }) => text).join('')
  }

  async #route(request: IncomingMessage): Promise<[number, unknown]> {
    const url = new URL(request.url ?? '/', this.url)
    const path = url.pathname.replace('/api/v1', '').split('/').slice(1)
    const [noun = '', id = '', verb = '', item = ''] = path
    const raw = await read(request)
    if (noun === 'blobs') return this.#blob(request.method ?? '', id, raw)
    const body: unknown = raw.length > 0 ? JSON.parse(raw.toString()) : undefined
    if (noun === 'agents' && id === '') return this.#register(body)
    if (request.headers.authorization !== `Bearer ${this.token}`)
      return [401, { code: 'unauthorized', detail: 'no' }]
    if (noun === 'agents' && verb === 'heartbeat') {
      Heartbeat.parse(body)
      return [200, { state: 'ONLINE', drop: [] }]
    }
    if (noun === 'agents' && item !== '') {
      this.acks.push(item)
      if (this.deaf-- > 0) return [503, { code: 'dependency_unavailable', detail: 'away', retryable: true }]
      this.live.ack(this.agent, item)
      return [204, undefined]
    }
    if (noun === 'agents') return this.#items()
    if (noun === 'socket-tickets') return this.live.give()
    if (noun === 'artifacts') return this.#artifact(id, body)
    const answer = this.#task(id, verb, body)
    for (const wake of this.#watching) wake()
    this.#watching.clear()
    return answer
  }

  #register(body: unknown): [number, unknown] {
    this.registrations.push(Register.parse(body))
    this.token = `token-${this.registrations.length}`
    return [201, { agent: { id: this.agent }, token: this.token }]
  }

  async #items(): Promise<[number, unknown]> {
    this.reads += 1
    if (this.live.unacked(this.agent).length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1_000)
        this.#waiting.add(() => {
          clearTimeout(timer)
          resolve()
        })
      })
      this.#waiting.clear()
    }
    return [200, { items: this.live.unacked(this.agent) }]
  }

  #blob(method: string, id: string, raw: Buffer): [number, unknown] {
    if (method === 'PUT') this.artifacts.set(id, raw)
    return method === 'PUT' ? [200, undefined] : [200, this.artifacts.get(id)]
  }

  #artifact(id: string, body: unknown): [number, unknown] {
    const base = `http://127.0.0.1:${this.port}/api/v1/blobs`
    if (id !== '') {
      return [200, { id, size: this.artifacts.get(id)?.length ?? 0, download: { url: `${base}/${id}` } }]
    }
    NewArtifact.parse(body)
    const made = newId('artifact')
    return [201, { id: made, upload: { method: 'PUT', url: `${base}/${made}`, headers: {} } }]
  }

  #task(id: string, verb: string, body: unknown): [number, unknown] {
    const offer = this.#offers.get(id)
    const seen = this.#seen.get(id)
    if (!offer || !seen || offer.ended) return [409, { code: 'stale_attempt', detail: 'stale' }]
    const end = (ended: Ended): [number, unknown] => {
      offer.ended = ended
      offer.tell(ended)
      return [200, {}]
    }
    if (verb === 'claim') {
      Claim.parse(body)
      return [200, offer.assignment]
    }
    if (verb === 'approvals') {
      const ask = NewApproval.parse(body)
      return [200, { approval_id: null, state: 'DECIDED', deadline: null, decision: allowed(ask) }]
    }
    if (verb === 'events') {
      if (this.away) return [503, { code: 'dependency_unavailable', detail: 'away', retryable: true }]
      const batch = EventBatch.parse(body)
      if (batch.batch > seen.batches + 1) return [409, { code: 'batch_gap', detail: 'gap' }]
      seen.batches = batch.batch
      seen.logs.push(...batch.events.map(({ data }) => data))
      seen.usage += batch.usage?.output_tokens ?? 0
      return [200, { last_batch: batch.batch, action: 'continue' }]
    }
    if (verb === 'checkpoints') {
      seen.checkpoints.push(WorkCheckpoint.parse(body))
      return [201, { number: seen.checkpoints.length }]
    }
    if (verb === 'subtasks') {
      const { tasks } = NewSubtasks.parse(body)
      seen.subtasks.push(...tasks)
      return [201, { items: tasks.map(({ key }) => ({ id: newId('task'), key, state: 'BLOCKED' })) }]
    }
    if (verb === 'complete') return end({ call: 'complete', body: Complete.parse(body) })
    if (verb === 'fail') return end({ call: 'fail', body: Fail.parse(body) })
    if (verb === 'release') return end({ call: 'release', body: Release.parse(body) })
    if (verb === 'decline') return end({ call: 'decline', body: Decline.parse(body) })
    return [404, { code: 'not_found', detail: verb }]
  }
}

type InboxItem_ = z.infer<typeof InboxItem>

async function read(request: IncomingMessage) {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** An assignment with defaults. */
export function assignment(
  task: Partial<Assignment['task']> = {},
  rest: Partial<Omit<Assignment, 'task'>> = {},
): Assignment {
  return {
    task: {
      id: newId('task'),
      key: 'hello',
      kind: 'WORK',
      title: 'Say hello',
      instruction: 'Write hello.txt.',
      capability: 'CODE_GENERATION',
      checks: [],
      attempt: 1,
      failures: 0,
      deadline: null,
      ...task,
    },
    session: { id: newId('session'), title: 'Hello', prompt: 'Say hello', repository: null, labels: [] },
    plan_limits: { max_tasks: 20 },
    inputs: [],
    base_commit: null,
    base_artifact_id: null,
    resume: null,
    messages: [],
    previous_error: null,
    ...rest,
  }
}

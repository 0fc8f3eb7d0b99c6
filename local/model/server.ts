import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { completion, gone, stream } from './answer.ts'
import { decide, type Kind } from './decide.ts'
import { Faults } from './faults.ts'
import { usageOf } from './usage.ts'
import { ChatRequest, modelId } from './wire.ts'

/** One answered request. No prompt's text is in it. */
export type ModelLogEntry = {
  event: 'model_answered'
  kind: Kind
  /** The task's key, `plan` for the Architect; empty where there is none. */
  key: string
  /** The script's step, from 0. */
  at: number | null
  outcome: 'answered' | 'error' | 'dropped' | 'stalled'
  prompt_tokens: number
  completion_tokens: number
}

export type ModelOptions = {
  /** 0 or none: any free one. */
  port?: number
  log?: (entry: ModelLogEntry) => void
}

export type RunningModel = {
  /** The base address for OpenAI clients: http://127.0.0.1:PORT/v1 */
  url: string
  port: number
  /** Breaks off what is being answered. */
  stop: () => Promise<void>
}

const bodyLimit = 32_000_000
const bodyDeadline = 30_000

/** Starts the rehearsal model on loopback. Throws when the port is taken. */
export async function startModel({ port = 0, log = () => {} }: ModelOptions = {}): Promise<RunningModel> {
  const faults = new Faults()
  const server = createServer((request, response) => {
    answer(request, response, { faults, log }).catch((error: unknown) => {
      if (response.destroyed) return
      if (response.headersSent) response.destroy()
      else refuse(response, error instanceof BadRequest ? error.status : 500, messageOf(error))
    })
  })
  server.requestTimeout = bodyDeadline
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the rehearsal model has no address')
  const stop = async () => {
    if (!server.listening) return
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeAllConnections()
    await closed
  }
  return { url: `http://127.0.0.1:${address.port}/v1`, port: address.port, stop }
}

type Means = { faults: Faults; log: (entry: ModelLogEntry) => void }

async function answer(request: IncomingMessage, response: ServerResponse, means: Means): Promise<void> {
  const route = `${request.method} ${new URL(request.url ?? '/', 'http://model').pathname}`
  if (route === 'GET /v1/models') {
    const model = { id: modelId, object: 'model', created: 0, owned_by: 'rehearsal' }
    return json(response, 200, { object: 'list', data: [model] })
  }
  if (route !== 'POST /v1/chat/completions') return refuse(response, 404, `There is no ${route}.`)
  const chat = await readChat(request)
  if (chat.model !== modelId) return refuse(response, 404, `There is no model "${chat.model}".`)
  await chatCompletion(chat, headerOf(request, 'x-session-id'), response, means)
}

async function chatCompletion(
  chat: ChatRequest,
  conversation: string,
  response: ServerResponse,
  { faults, log }: Means,
): Promise<void> {
  const left = new AbortController()
  response.once('close', () => left.abort())
  const decision = decide(chat)
  const { step, knobs, kind, key, at } = decision
  const trouble = faults.next(decision, conversation)
  const usage = usageOf(chat, step)
  const { prompt_tokens, completion_tokens } = usage
  const outcome = trouble.status ? 'error' : trouble.drop ? 'dropped' : trouble.stall ? 'stalled' : 'answered'
  const spent =
    outcome === 'error' ? { prompt_tokens: 0, completion_tokens: 0 } : { prompt_tokens, completion_tokens }
  log({ event: 'model_answered', kind, key, at, outcome, ...spent })
  try {
    const before = step.delay_ms ?? knobs.slow_ms ?? 0
    if (before > 0) await pause(before, undefined, { signal: left.signal })
    if (trouble.status) return refuse(response, trouble.status, 'An error that the rehearsal asked for.')
    const id = `chatcmpl-${decision.calls}${chat.messages.length}`
    const whole = { id, decision, trouble, usage, signal: left.signal }
    if (chat.stream === true) return await stream(response, whole)
    if (trouble.drop) return void response.destroy()
    if (trouble.stall) return await gone(left.signal)
    json(response, 200, completion(whole))
  } catch (error) {
    // Whoever asked has left: there is nobody to answer.
    if (!left.signal.aborted) throw error
  }
}

class BadRequest extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

async function readChat(request: IncomingMessage): Promise<ChatRequest> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > bodyLimit) throw new BadRequest(413, `A request may have ${bodyLimit} bytes.`)
    chunks.push(chunk)
  }
  let body: unknown
  try {
    body = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new BadRequest(400, 'The body is not JSON.')
  }
  const chat = ChatRequest.safeParse(body)
  if (chat.success) return chat.data
  const [issue] = chat.error.issues
  throw new BadRequest(
    400,
    `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a chat completion request'}`,
  )
}

const headerOf = (request: IncomingMessage, name: string): string => {
  const value = request.headers[name]
  return typeof value === 'string' ? value : ''
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : 'unknown')

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function refuse(response: ServerResponse, status: number, message: string): void {
  const type = status >= 500 ? 'server_error' : status === 429 ? 'rate_limit_error' : 'invalid_request_error'
  json(response, status, { error: { message, type, code: null, param: null } })
}

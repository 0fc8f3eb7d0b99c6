import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import type { Log } from '../log.ts'
import { reasonOf } from '../log.ts'
import type { Tool } from './tool.ts'

export type McpAccess = { url: string; token: string }

const bodyLimit = 2_000_000

/**
 * The worker's MCP server on loopback: one path and one random token per attempt, each with its own tools.
 * Stateless: every POST is answered by itself, so there is nothing to lose or to leak between attempts.
 */
export class McpServer {
  readonly #server: HttpServer
  readonly #attempts = new Map<string, { token: string; tools: Tool[] }>()
  readonly #log: Log
  #port = 0

  private constructor(log: Log) {
    this.#log = log
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error) => {
        this.#log('mcp_request_failed', { reason: reasonOf(error) }, 'warn')
        if (!response.headersSent) response.writeHead(500).end()
        else response.destroy()
      })
    })
  }

  static async start(log: Log): Promise<McpServer> {
    const server = new McpServer(log)
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject).listen(0, '127.0.0.1', resolve)
    })
    const address = server.#server.address()
    server.#port = typeof address === 'object' && address ? address.port : 0
    return server
  }

  /** Opens a path for an attempt's tools; `close` it when the attempt ends. */
  open(tools: Tool[]): McpAccess & { close: () => void } {
    const path = `/mcp/${randomBytes(16).toString('hex')}`
    const token = randomBytes(24).toString('base64url')
    this.#attempts.set(path, { token, tools })
    return { url: `http://127.0.0.1:${this.#port}${path}`, token, close: () => this.#attempts.delete(path) }
  }

  async stop() {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  async #answer(request: IncomingMessage, response: ServerResponse) {
    const attempt = this.#attempts.get(request.url ?? '')
    if (!attempt || !equal(request.headers.authorization ?? '', `Bearer ${attempt.token}`)) {
      response.writeHead(attempt ? 401 : 404).end()
      return
    }
    if (request.method !== 'POST') {
      response.writeHead(405, { allow: 'POST' }).end()
      return
    }
    const body = await readJson(request)
    const server = toolServer(attempt.tools)
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
    response.on('close', () => void server.close())
    // The transport's optional members are typed without `undefined`, which exact optional types refuse.
    await server.connect(Object.assign(transport, { onclose: () => undefined, onerror: () => undefined }))
    await transport.handleRequest(request, response, body)
  }
}

function toolServer(tools: Tool[]) {
  const info = { name: 'orchestrator', version: '1.0.0' }
  const server = new Server(info, { capabilities: { tools: {} } })
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: tools.map(({ name, description, input_schema }) => ({
      name,
      description,
      inputSchema: input_schema,
    })),
  }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    const tool = tools.find(({ name }) => name === params.name)
    if (!tool) return { content: [{ type: 'text', text: `There is no tool ${params.name}.` }], isError: true }
    const { text, error = false } = await tool.call(params.arguments ?? {})
    return { content: [{ type: 'text', text }], isError: error }
  })
  return server
}

function equal(a: string, b: string) {
  const [x, y] = [Buffer.from(a), Buffer.from(b)]
  return x.length === y.length && timingSafeEqual(x, y)
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > bodyLimit) throw new Error('the request is too large')
    chunks.push(chunk)
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'))
}

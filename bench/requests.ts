import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hono } from 'hono'
import { handle } from 'hono/aws-lambda'
import pg from 'pg'
import * as z from 'zod'
import { anyPorts, type LocalCloud, startLocal } from '#local/cloud'
import { startGateway } from '#local/gateway'
import { makeFunction } from '#local/invoke'
import { type Percentiles, percentiles, rounded } from './measure.ts'
import { sequentialSession } from './plan.ts'

export type RequestOptions = { seconds: number; connections: readonly number[] }

type Round = {
  connections: number
  requests_per_second: number
  latency_ms: Percentiles
  ratio: number | null
}
/** `ratio`: requests/s as a share of the bare handler's at the same number of connections. */
export type RequestFigures = Record<'bare' | 'create' | 'read' | 'list', Round[]>

type Target = { url: string; method: string; headers: Record<string, string>; body?: string }

const Made = z.object({ id: z.string() })
const warmMs = 1_000
const callMs = 30_000
/** Far above what is measured, so that the limiter is asked as always and refuses nobody. */
const rate = 1_000_000
const listed = 100

/**
 * Requests a second and their latency through the local gateway: create, read and list of sessions, and beside them
 * a bare hono handler with one SELECT on a gateway of the same kind. Clients, gateway and functions share this process.
 */
export async function runRequests({ seconds, connections }: RequestOptions): Promise<RequestFigures> {
  const data = mkdtempSync(join(tmpdir(), 'orchestrator-bench-requests-'))
  const cloud = await startLocal({ data, ports: anyPorts, env: {}, workers: [], write: () => {} })
  try {
    await liftRate(cloud)
    const headers = { authorization: `Bearer ${cloud.key}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ ...sequentialSession(10), start: false })
    const create: Target = { url: `${cloud.api}/sessions`, method: 'POST', headers, body }
    const agent = new Agent({ keepAlive: true })
    let id = ''
    for (let n = 0; n < listed; n++) id = Made.parse(JSON.parse((await send(create, agent)).text)).id
    agent.destroy()
    const bare = await startBare(cloud, id)
    try {
      const targets = {
        bare: { url: `${bare.url}/bare`, method: 'GET', headers },
        read: { url: `${cloud.api}/sessions/${id}`, method: 'GET', headers },
        list: { url: `${cloud.api}/sessions`, method: 'GET', headers },
        // Last, since it makes the list longer.
        create,
      }
      const figures: RequestFigures = { bare: [], create: [], read: [], list: [] }
      for (const name of ['bare', 'read', 'list', 'create'] as const) {
        for (const count of connections) {
          await measure(targets[name], count, warmMs)
          const round = await measure(targets[name], count, seconds * 1_000)
          const floor = figures.bare.find((one) => one.connections === count)
          const ratio = floor ? rounded(round.requests_per_second / floor.requests_per_second) : null
          figures[name].push({ ...round, ratio })
        }
      }
      return figures
    } finally {
      await bare.stop()
    }
  } finally {
    await cloud.stop()
    rmSync(data, { recursive: true, force: true })
  }
}

/** Lets a bench call as fast as it can. Before the first request: a rate is remembered for some seconds. */
export async function liftRate({ environment }: Pick<LocalCloud, 'environment'>) {
  const client = new pg.Client({
    connectionString: environment.DATABASE_URL,
    connectionTimeoutMillis: callMs,
  })
  await client.connect()
  await client.query(`update tenant set max_requests_per_second = ${rate}`)
  await client.end()
}

/** What a request costs at least here: the gateway, hono's adapter, a route and a row by its key. */
async function startBare({ environment }: LocalCloud, id: string) {
  const pool = new pg.Pool({ connectionString: environment.DATABASE_URL, max: 4 })
  const app = new Hono()
  app.get('/bare', async (c) => {
    const text = 'select id, title, state from session where id = $1'
    const { rows } = await pool.query({ name: 'bare', text, values: [id] })
    return c.json(rows[0] ?? null)
  })
  const handler = handle(app)
  const wiring = { handler: 'bare', timeout_seconds: 30, memory_mb: 512 }
  const load = async () => ({ handler: (event: unknown) => Reflect.apply(handler, null, [event]) })
  const { invoke } = await makeFunction('bare', wiring, 'us-east-1', load)
  const artifacts = { folder: tmpdir(), secret: 'none', maxBytes: 0 }
  const gateway = await startGateway({ port: 0, invoke, artifacts, log: () => {} })
  return {
    url: gateway.url,
    async stop() {
      await gateway.stop()
      await pool.end()
    },
  }
}

/** As many lanes as connections, each sending its next request when the last was answered. */
async function measure(target: Target, connections: number, ms: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const times: number[] = []
  const began = performance.now()
  const until = began + ms
  async function lane() {
    while (performance.now() < until) {
      const started = performance.now()
      const { status, text } = await send(target, agent)
      if (status >= 300)
        throw new Error(`${target.method} ${target.url} answered ${status}: ${text.slice(0, 200)}`)
      times.push(performance.now() - started)
    }
  }
  await Promise.all(Array.from({ length: connections }, lane))
  const seconds = (performance.now() - began) / 1_000
  agent.destroy()
  return {
    connections,
    requests_per_second: rounded(times.length / seconds, 0),
    latency_ms: percentiles(times),
  }
}

function send({ url, method, headers, body }: Target, agent: Agent) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const call = request(url, { method, headers, agent, timeout: callMs }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') })
      })
    })
    call.once('timeout', () => call.destroy(new Error(`${url} did not answer in ${callMs} ms`)))
    call.once('error', reject)
    call.end(body)
  })
}

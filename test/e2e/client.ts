import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'

const Problem = z.object({ code: z.string(), detail: z.string() })
const Usage = z.object({ input_tokens: z.number(), output_tokens: z.number(), cost_usd: z.number() })
const Session = z.object({
  id: z.string(),
  state: z.string(),
  rehearsal: z.boolean().nullable(),
  waiting: z.object({ reason: z.string(), sentence: z.string() }).nullable(),
  usage: Usage,
  result: z
    .object({
      branch: z.string().nullable(),
      commit: z.string().nullable(),
      push_reason: z.string().nullable(),
    })
    .nullable(),
  failure: z.object({ code: z.string(), message: z.string() }).nullable(),
})
export type SessionBody = z.infer<typeof Session>

const EventItem = z.object({
  seq: z.number(),
  at: z.string(),
  type: z.string(),
  task_id: z.string().optional(),
  agent_id: z.string().optional(),
  data: z.record(z.string(), z.unknown()),
})
export type EventBody = z.infer<typeof EventItem>
const Events = z.object({ items: z.array(EventItem), next_after: z.number(), last_seq: z.number() })

/** The public API as a person's script uses it. */
export function apiClient({ api: base, key }: { api: string; key: string }) {
  async function call(method: string, path: string, body?: unknown, accept = 'application/json') {
    return fetch(`${base}${path}`, {
      method,
      headers: {
        accept,
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(29_000),
    })
  }

  async function json<T>(schema: z.ZodType<T>, method: string, path: string, body?: unknown) {
    const response = await call(method, path, body)
    const text = await response.text()
    if (!response.ok) {
      const problem = Problem.parse(JSON.parse(text))
      throw new Error(`${method} ${path}: ${response.status} ${problem.code}: ${problem.detail}`)
    }
    return schema.parse(JSON.parse(text))
  }

  const session = (id: string) => json(Session, 'GET', `/sessions/${id}`)
  const events = (id: string, after: number) =>
    json(Events, 'GET', `/sessions/${id}/events?after=${after}&limit=1000`)

  /** Follows a session's events until one satisfies `found`; waits by the API's own long poll. */
  async function until(id: string, found: (event: EventBody) => boolean, deadline_ms: number, after = 0) {
    const end = Date.now() + deadline_ms
    let seq = after
    while (Date.now() < end) {
      const page = await events(id, seq)
      const hit = page.items.find(found)
      if (hit) return hit
      seq = page.next_after
      if (page.items.length === 0) {
        // The stream's short answer ends with the next page or after its own deadline; its text is not needed.
        const waiting = await call(
          'GET',
          `/sessions/${id}/events?after=${seq}`,
          undefined,
          'text/event-stream',
        )
        await waiting.text()
      }
    }
    throw new Error(
      `Session ${id}: not found within ${deadline_ms} ms; it is ${JSON.stringify(await session(id))}`,
    )
  }

  /** Waits until the session has ended and answers it. */
  async function ended(id: string, deadline_ms: number) {
    await until(id, ({ type }) => /^session\.(completed|failed|stopped)$/.test(type), deadline_ms)
    return session(id)
  }

  return {
    call,
    session,
    events,
    until,
    ended,
    create: (body: object) => json(Session, 'POST', '/sessions', body),
    post: (path: string, body: object = {}) => call('POST', path, body),
    items: (path: string) =>
      json(z.object({ items: z.array(z.record(z.string(), z.unknown())) }), 'GET', path),
    text: async (path: string) => (await call('GET', path, undefined, '*/*')).text(),
    verify: (id: string) =>
      json(z.object({ valid: z.boolean(), last_seq: z.number() }), 'GET', `/sessions/${id}/verify`),
  }
}

export const git = (folder: string, ...args: string[]) =>
  execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', timeout: 20_000 }).trim()

/** A real repository with some thousand lines and a history. */
export function makeRepository() {
  const folder = mkdtempSync(join(tmpdir(), 'orchestrator-repository-'))
  git(folder, 'init', '--quiet', '--initial-branch=main')
  git(folder, 'config', 'user.email', 'person@example.com')
  git(folder, 'config', 'user.name', 'A Person')
  for (const name of ['alpha', 'beta', 'gamma']) {
    const lines = Array.from({ length: 1_000 }, (_, i) => `export const ${name}${i} = ${i}`)
    writeFileSync(join(folder, `${name}.js`), `${lines.join('\n')}\n`)
    git(folder, 'add', '.')
    git(folder, 'commit', '--quiet', '-m', `Add ${name}`)
  }
  return folder
}

/** A plan of one task whose rehearsal is given step by step. */
export function scripted(key: string, steps: object[], more: object = {}) {
  const instruction = `Follow the script. <<rehearsal ${JSON.stringify({ steps })}>>`
  return {
    key,
    title: `Do ${key}`,
    instruction,
    capability: 'CODE_GENERATION',
    depends_on: [],
    checks: [],
    ...more,
  }
}

import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { type Operation, readContract, resolve } from './contract.ts'
import { openApi, Problem, type Sent } from './open.ts'
import { makeSamples, type Sample, type Samples } from './samples.ts'

const opened = await openApi()
const { operations, schemas, faultsOf } = await readContract(opened.call)
const samples: Samples = makeSamples(opened)

/** Told once, or good for one use: what they answer is not stored. */
const notStored = ['register_agent', 'create_socket_ticket', 'create_key', 'create_webhook', 'rotate_webhook']

const List = z.looseObject({ items: z.array(z.unknown()), next_cursor: z.string().nullable().optional() })
const Keyed = z.looseObject({
  ...{ id: z.string().optional(), key: z.string().optional() },
  ...{ number: z.int().optional(), version: z.int().optional() },
  session: z.looseObject({ id: z.string() }).optional(),
})
const Versioned = z.looseObject({ version: z.int() })

/** Calls, and holds the answer to the document, whatever it is. */
async function send(operation: Operation, { target, sent = {} }: Pick<Sample, 'target' | 'sent'>) {
  const answer = await opened.call(operation.method, target, sent)
  expect(faultsOf(operation, answer), `${operation.method} ${target}`).toEqual([])
  expect(answer.headers['x-request-id']).toBeTruthy()
  if (answer.headers.etag && gets(operation)) expect(inHeader(operation, 'If-None-Match')).toBe(true)
  if (answer.status >= 400) {
    const problem = Problem.parse(answer.json)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(problem).toMatchObject({ status: answer.status, request_id: answer.headers['x-request-id'] })
    expect(problem.code).toMatch(/^[a-z]+(_[a-z]+)*$/)
  }
  return answer
}

async function sampleOf({ operationId }: Operation): Promise<Sample> {
  const sample = samples[operationId]
  if (!sample) throw new Error(`${operationId} needs a sample in test/api/samples.ts.`)
  return sample()
}

const withHeaders = (sent: Sent | undefined, headers: Record<string, string>): Sent => ({
  ...sent,
  headers: { ...sent?.headers, ...headers },
})
const withQuery = (target: string, query: string) => `${target}${target.includes('?') ? '&' : '?'}${query}`
const bare = (target: string) => target.split('?')[0] ?? target

const inHeader = ({ parameters }: Operation, name: string) =>
  parameters.some((parameter) => parameter.in === 'header' && parameter.name === name)
const inQuery = ({ parameters }: Operation, name: string) =>
  parameters.find((parameter) => parameter.in === 'query' && parameter.name === name)

/** What an answer that went well holds, by the document. */
function answered({ responses }: Operation) {
  const [, response] = Object.entries(responses).find(([status]) => status.startsWith('2')) ?? []
  const schema = response?.content['application/json']?.schema
  return schema ? resolve(schemas, schema) : {}
}
const hasMember = (operation: Operation, name: string) =>
  Object.keys(z.record(z.string(), z.unknown()).catch({}).parse(answered(operation).properties)).includes(
    name,
  )

const named = (some: Operation[]) =>
  some.map((operation) => [operation.operationId, operation] as const satisfies [string, Operation])
const where = (keep: (operation: Operation) => boolean) => named(operations.filter(keep))

const gets = ({ method }: Operation) => method === 'GET'
const takesBody = ({ body }: Operation) => body !== null
const isPublic = ({ security }: Operation) => security?.length === 0

describe('every operation', () => {
  test.each(where(() => true))('%s does what it is for, as the document says', async (_name, operation) => {
    const sample = await sampleOf(operation)
    const id = `caller-${operation.operationId}`
    const sent = withHeaders(sample.sent, { 'x-request-id': id })
    const answer = await send(operation, { ...sample, sent })
    expect(answer.status, answer.text).toBeLessThan(300)
    expect(answer.headers['x-request-id']).toBe(id)
  })

  test.each(where(() => true))(
    '%s refuses a query parameter that it does not know',
    async (_name, operation) => {
      const { target, sent = {} } = await sampleOf(operation)
      const answer = await send(operation, { target: withQuery(target, 'unknwon=1'), sent })
      expect(Problem.parse(answer.json)).toMatchObject({
        ...{ status: 400, code: 'invalid_input' },
        errors: [{ pointer: '/unknwon' }],
      })
    },
  )

  test('gives a request id of its own where the one that came is none', async () => {
    const [operation] = operations
    if (!operation) throw new Error('The document lists nothing.')
    const sample = await sampleOf(operation)
    for (const given of ['a b', 'x'.repeat(129), 'ü']) {
      const sent = withHeaders(sample.sent, { 'x-request-id': given })
      const answer = await send(operation, { target: withQuery(sample.target, 'unknwon=1'), sent })
      expect(answer.headers['x-request-id']).toMatch(/^req_/)
    }
  })

  test('is told which methods there are where it came by another one', async () => {
    const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
    for (const path of new Set(operations.map((operation) => operation.path))) {
      const here = operations.filter((operation) => operation.path === path).map(({ method }) => method)
      const target = path.replaceAll(/\{\w+\}/g, 'x')
      const others = operations.filter((other) => other.path !== path && matches(other.path, target))
      for (const method of methods) {
        if ([...here, ...others.map((other) => other.method)].includes(method)) continue
        const answer = await opened.call(method, target)
        expect(Problem.parse(answer.json), `${method} ${path}`).toMatchObject({
          ...{ status: 405, code: 'method_not_allowed' },
        })
        for (const known of here) expect(answer.headers.allow?.split(', ')).toContain(known)
      }
    }
  })
})

function matches(pattern: string, target: string) {
  return new RegExp(`^${pattern.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(target)
}

describe('an operation that names something', () => {
  test.each(where(({ path }) => path.includes('{')))('%s finds no other thing', async (_name, operation) => {
    const { target, sent = {} } = await sampleOf(operation)
    const parts = operation.path.split('/')
    const strange = bare(target)
      .split('/')
      .map((part, i) => (parts[i] === '{id}' ? 'no-such-id' : part))
      .join('/')
    const answer = await send(operation, { target: strange, sent })
    // Before it is told that there is none, an agent is told that another's things are not its own.
    expect([404, 403]).toContain(answer.status)
  })
})

describe('a body', () => {
  test.each(where(takesBody))('of %s is refused by name for an unknown field', async (_name, operation) => {
    const schema = resolve(schemas, operation.body ?? {})
    // A merge patch is any JSON: every field is known.
    const isAny = schema.type === undefined && !schema.anyOf && !schema.oneOf
    const { target, sent } = await sampleOf(operation)
    const body = { ...z.record(z.string(), z.unknown()).parse(sent?.body), unknwon: 1 }
    const answer = await send(operation, { target, sent: { ...sent, body } })
    if (isAny) expect(answer.status).toBeLessThan(300)
    else {
      const problem = Problem.parse(answer.json)
      expect(problem).toMatchObject({ status: 400, code: 'invalid_input' })
      expect(problem.errors.map(({ pointer }) => pointer)).toContain('/unknwon')
    }
  })

  test.each(where((operation) => !gets(operation)))(
    'of %s is refused over 1 MB',
    async (_name, operation) => {
      const { target, sent } = await sampleOf(operation)
      const { body: _body, ...rest } = sent ?? {}
      const raw = `"${'x'.repeat(1024 * 1024)}"`
      const answer = await send(operation, { target, sent: { ...rest, raw } })
      expect(Problem.parse(answer.json)).toMatchObject({ status: 413, code: 'payload_too_large' })
    },
  )

  test.each(where(takesBody))('of %s is refused as anything but JSON', async (_name, operation) => {
    const { target, sent } = await sampleOf(operation)
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      const answer = await send(operation, { target, sent: withHeaders(sent, { 'content-type': type }) })
      expect(Problem.parse(answer.json)).toMatchObject({ status: 415, code: 'unsupported_media_type' })
    }
  })

  test.each(where(takesBody))('of %s is refused where it is no JSON', async (_name, operation) => {
    const { target, sent } = await sampleOf(operation)
    const { body: _body, ...rest } = sent ?? {}
    const answer = await send(operation, { target, sent: { ...rest, raw: '{"' } })
    expect(Problem.parse(answer.json)).toMatchObject({ status: 400, code: 'invalid_input' })
  })
})

describe('an Idempotency-Key', () => {
  const stored = where((operation) => inHeader(operation, 'Idempotency-Key'))

  test('is taken by every POST of a person', () => {
    const expected = operations.filter(
      ({ method, worker, operationId }) => method === 'POST' && !worker && !notStored.includes(operationId),
    )
    expect(stored.map(([name]) => name)).toEqual(expected.map(({ operationId }) => operationId))
  })

  test.each(stored)('makes %s answer the same again', async (name, operation) => {
    const { target, sent } = await sampleOf(operation)
    const keyed = withHeaders(sent, { 'idempotency-key': `again-${name}` })
    const first = await send(operation, { target, sent: keyed })
    const again = await send(operation, { target, sent: keyed })
    expect(first.headers['idempotent-replayed']).toBeUndefined()
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect([again.status, again.text, again.headers.etag, again.headers.location]).toEqual([
      ...[first.status, first.text, first.headers.etag, first.headers.location],
    ])
  })

  test.each(stored)('of %s is refused with another body', async (name, operation) => {
    const { target, sent, other = {} } = await sampleOf(operation)
    const headers = { 'idempotency-key': `other-${name}` }
    await send(operation, { target, sent: withHeaders(sent, headers) })
    const answer = await send(operation, { target, sent: { ...sent, body: other, headers } })
    expect(Problem.parse(answer.json)).toMatchObject({ status: 422, code: 'idempotency_mismatch' })
  })

  test.each(stored)('lets one of many %s at once run', async (name, operation) => {
    const { target, sent } = await sampleOf(operation)
    const keyed = withHeaders(sent, { 'idempotency-key': `once-${name}` })
    const answers = await Promise.all([1, 2, 3].map(() => send(operation, { target, sent: keyed })))
    expect(answers.filter(({ headers }) => !headers['idempotent-replayed'])).toHaveLength(1)
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  })
})

describe('a version', () => {
  test.each(where((operation) => hasMember(operation, 'version')))(
    '%s is its ETag',
    async (_name, operation) => {
      const answer = await send(operation, await sampleOf(operation))
      const { version } = Versioned.parse(answer.json)
      const digest = gets(operation) ? '\\.[\\w-]{16}' : ''
      expect(answer.headers.etag).toMatch(new RegExp(`^"${version}${digest}"$`))
    },
  )

  test.each(where((operation) => gets(operation) && hasMember(operation, 'version')))(
    '%s is not sent again to who has it',
    async (_name, operation) => {
      expect(inHeader(operation, 'If-None-Match')).toBe(true)
      const { target, sent } = await sampleOf(operation)
      const first = await send(operation, { target, sent: sent ?? {} })
      const etag = first.headers.etag ?? ''
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const again = await send(operation, { target, sent: withHeaders(sent, { 'if-none-match': known }) })
        expect([again.status, again.text, again.headers.etag], known).toEqual([304, '', etag])
      }
      const { version } = Versioned.parse(first.json)
      for (const other of ['"987654"', `"${version}"`, 'three']) {
        const again = await send(operation, { target, sent: withHeaders(sent, { 'if-none-match': other }) })
        expect([again.status, again.text], other).toEqual([200, first.text])
      }
    },
  )

  test('is what each read that has one may be asked with', () => {
    const versioned = operations.filter((operation) => hasMember(operation, 'version') && gets(operation))
    const taking = operations.filter((operation) => inHeader(operation, 'If-None-Match'))
    expect(taking.map(({ operationId }) => operationId)).toEqual(
      versioned.map(({ operationId }) => operationId),
    )
  })

  test.each(where(({ method }) => method === 'PATCH' || method === 'PUT'))(
    '%s is refused from a version that it was not read at',
    async (_name, operation) => {
      expect(inHeader(operation, 'If-Match')).toBe(true)
      const { target, sent } = await sampleOf(operation)
      const malformed = await send(operation, { target, sent: withHeaders(sent, { 'if-match': 'three' }) })
      expect(Problem.parse(malformed.json)).toMatchObject({ status: 400, code: 'invalid_input' })
      const unread = await send(operation, { target, sent: withHeaders(sent, { 'if-match': '"987654"' }) })
      expect(Problem.parse(unread.json)).toMatchObject({ status: 412, code: 'precondition_failed' })
      const any = await send(operation, { target, sent: withHeaders(sent, { 'if-match': '*' }) })
      expect(any.status).toBe(200)
    },
  )
})

/** What makes one more item of each list. */
const grownBy: Record<string, string> = {
  list_sessions: 'create_session',
  list_tasks: 'read_task',
  list_task_trees: 'read_task',
  list_agents: 'register_agent',
  list_approvals: 'answer_approval',
  list_context: 'put_context',
  list_audit: 'create_session',
  list_keys: 'create_key',
  list_webhooks: 'create_webhook',
  // Its sample makes one; to send it again takes it off only where there is a queue.
  list_dead_letters: 'redrive_dead_letter',
}
/** Of one thing: it has what it has, and is walked as it stands. */
const grownByNobody = ['list_session_tasks', 'list_checkpoints', 'read_context_history', 'list_deliveries']
/** Lists that end by themselves: of few things, or the latest ones. */
const bounded = ['list_capabilities', 'list_needs', 'list_changes', 'read_inbox', 'list_events']

describe('a list', () => {
  const cursors = where(
    (operation) => inQuery(operation, 'cursor') !== undefined && hasMember(operation, 'items'),
  )

  test('has a limit and a cursor, or an end', () => {
    const lists = operations.filter((operation) => gets(operation) && hasMember(operation, 'items'))
    const paged = cursors.map(([name]) => name)
    for (const { operationId } of lists) expect([...paged, ...bounded]).toContain(operationId)
    for (const [, operation] of cursors) expect(inQuery(operation, 'limit')).toBeDefined()
    expect(paged.sort()).toEqual([...Object.keys(grownBy), ...grownByNobody].sort())
  })

  test.each(where((operation) => inQuery(operation, 'limit') !== undefined))(
    '%s has bounds',
    async (_name, operation) => {
      const { target, sent = {} } = await sampleOf(operation)
      const limits = z.object({ minimum: z.int(), maximum: z.int() })
      const { minimum, maximum } = limits.parse(inQuery(operation, 'limit')?.schema)
      for (const limit of [minimum - 1, maximum + 1, 'x', '1.5', '-1', '']) {
        const answer = await send(operation, { target: `${bare(target)}?limit=${limit}`, sent })
        expect(Problem.parse(answer.json), String(limit)).toMatchObject({
          status: 400,
          code: 'invalid_input',
        })
        expect(answer.json).toMatchObject({ errors: [{ pointer: '/limit' }] })
      }
      const most = await send(operation, { target: `${bare(target)}?limit=${maximum}`, sent })
      expect(most.status).toBe(200)
    },
  )

  test.each(cursors)('%s refuses a cursor that is none of its own', async (_name, operation) => {
    const { target, sent = {} } = await sampleOf(operation)
    const foreign = Buffer.from('nothing ses_00000000000000000000000000').toString('base64url')
    for (const cursor of ['x', foreign, '%00', 'a'.repeat(201)]) {
      const answer = await send(operation, { target: `${bare(target)}?cursor=${cursor}`, sent })
      expect(Problem.parse(answer.json)).toMatchObject({ status: 400, errors: [{ pointer: '/cursor' }] })
    }
  })

  test.each(cursors)('%s tells each item once, also while it grows', async (name, operation) => {
    const { target, sent = {} } = await sampleOf(operation)
    const grow = async () => {
      const by = operations.find(({ operationId }) => operationId === grownBy[name])
      if (by) await send(by, await sampleOf(by))
    }
    await grow()
    await grow()
    const page = async (query: string) =>
      List.parse((await send(operation, { target: `${bare(target)}?${query}`, sent })).json)
    const idOf = (item: unknown) => {
      const { id, key, number, version, session } = Keyed.parse(item)
      return JSON.stringify([id, key, number, id ? null : version, session?.id])
    }
    const before = (await page('limit=20')).items.map(idOf)
    const walked: string[] = []
    let cursor: string | null = ''
    // A list that grows at the end that is read last never ends: what was there is reached long before.
    for (let pages = 0; cursor !== null && pages < before.length + 10; pages++) {
      const { items, next_cursor } = await page(`limit=1${cursor && `&cursor=${cursor}`}`)
      expect(items.length).toBeLessThanOrEqual(1)
      walked.push(...items.map(idOf))
      cursor = next_cursor ?? null
      if (pages < 3) await grow()
    }
    expect(new Set(walked).size).toBe(walked.length)
    for (const id of before) expect(walked).toContain(id)
  })
})

test('nothing but the public operations is answered to nobody, or to an unknown token', async () => {
  for (const operation of operations.filter((one) => !isPublic(one))) {
    const { target, sent } = await sampleOf(operation)
    for (const token of [null, 'oio_unknown']) {
      const answer = await send(operation, { target, sent: { ...sent, token } })
      expect(answer.json, operation.operationId).toMatchObject({
        ...{ status: 401, code: 'unauthorized' },
      })
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/)
    }
  }
})

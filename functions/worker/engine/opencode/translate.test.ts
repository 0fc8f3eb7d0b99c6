import { expect, test } from 'vitest'
import type { EngineEvent } from '../engine.ts'
import { Translator } from './translate.ts'

function part(part: Record<string, unknown>) {
  return { part: { messageID: 'msg_a', sessionID: 'ses_1', ...part } }
}

function delta(partID: string, text: string) {
  return { partID, field: 'text', delta: text }
}

function texts(events: EngineEvent[]) {
  return events.flatMap((event) => (event.type === 'log' ? [event.data.text] : []))
}

const begun = part({ id: 'prt_1', type: 'text', text: '', time: { start: 1 } })
const ended = part({ id: 'prt_1', type: 'text', text: 'Hello world', time: { start: 1, end: 2 } })

test('a text is said once, whether the live stream, the history or both tell it', () => {
  const live = new Translator()
  live.take('message.part.updated', begun)
  const said = [
    ...live.take('message.part.delta', delta('prt_1', 'Hello')),
    ...live.take('message.part.delta', delta('prt_1', ' wor')),
    ...live.take('message.part.updated.1', ended),
    ...live.take('message.part.updated', ended),
    ...live.take('message.part.delta', delta('prt_1', 'ld')),
  ]
  expect(texts(said).join('')).toBe('Hello world')
  const history = new Translator()
  expect(history.take('message.part.updated.1', ended)).toEqual([
    { type: 'log', data: { stream: 'text', text: 'Hello world' } },
  ])
})

test('after a gap in the live stream the rest of a text comes from its final form', () => {
  const translator = new Translator()
  translator.take('message.part.updated', begun)
  const said = translator.take('message.part.delta', delta('prt_1', 'Hello'))
  translator.broken()
  said.push(...translator.take('message.part.delta', delta('prt_1', 'rld')))
  said.push(...translator.take('message.part.updated', ended))
  expect(texts(said).join('')).toBe('Hello world')
})

test('what the user said is not repeated', () => {
  const translator = new Translator()
  translator.take('message.updated', { info: { id: 'msg_a', role: 'user' } })
  expect(translator.take('message.part.updated', ended)).toEqual([])
})

function tool(state: Record<string, unknown>) {
  return part({
    id: 'prt_t',
    type: 'tool',
    tool: 'bash',
    callID: 'call_1',
    state: { input: { command: 'ls' }, ...state },
  })
}

test('a tool tells its input, its output as it comes, and its end, each once', () => {
  const translator = new Translator()
  const events = ['pending', 'running'].flatMap((status) =>
    translator.take('message.part.updated', tool({ status })),
  )
  for (const output of ['a\n', 'a\n', 'a\nb\n']) {
    events.push(...translator.take('message.part.updated', tool({ status: 'running', metadata: { output } })))
  }
  const end = tool({ status: 'completed', output: 'a\nb\nc\n', title: 'ls', metadata: {} })
  events.push(
    ...translator.take('message.part.updated', end),
    ...translator.take('message.part.updated.1', end),
  )
  const shared = { tool: 'bash', call: 'call_1' }
  expect(events).toEqual([
    { type: 'log', data: { stream: 'tool', text: 'ls', status: 'running', ...shared } },
    { type: 'log', data: { stream: 'stdout', text: 'a\n', part: 0, more: true, ...shared } },
    { type: 'log', data: { stream: 'stdout', text: 'b\n', part: 1, more: true, ...shared } },
    { type: 'log', data: { stream: 'stdout', text: 'c\n', part: 1, ...shared } },
    { type: 'log', data: { stream: 'tool', text: '', status: 'completed', ...shared } },
    { type: 'tool_finished' },
  ])
})

test('a failed tool says why', () => {
  const events = new Translator().take(
    'message.part.updated',
    tool({ status: 'error', error: 'no such file' }),
  )
  expect(events.at(-2)).toMatchObject({ data: { status: 'error', text: 'no such file' } })
})

test('each step is counted once, those of subagents too, and those of another attempt never', () => {
  const finish = (id: string, sessionID: string) => ({
    part: {
      id,
      sessionID,
      messageID: 'm',
      type: 'step-finish',
      cost: 0.5,
      tokens: { input: 10, output: 2, reasoning: 1, cache: { read: 3, write: 4 } },
    },
  })
  const translator = new Translator()
  translator.skip('message.part.updated.1', finish('prt_0', 'ses_1'))
  for (const type of ['message.part.updated', 'message.part.updated.1']) {
    translator.take(type, finish('prt_0', 'ses_1'))
    translator.take(type, finish('prt_1', 'ses_1'))
    translator.take(type, finish('prt_2', 'ses_child'))
  }
  expect(translator.usage).toEqual({
    input_tokens: 20,
    output_tokens: 4,
    reasoning_tokens: 2,
    cache_read_tokens: 6,
    cache_write_tokens: 8,
    cost_usd: 1,
  })
})

test('a provider that makes us wait is a system line', () => {
  const status = { type: 'retry', attempt: 2, message: 'Too many requests' }
  const events = new Translator().take('session.status', { sessionID: 'ses_1', status })
  expect(texts(events)).toEqual(['The model did not answer, trying again (try 2): Too many requests'])
})

test('events of kinds that nobody knows are passed over', () => {
  expect(new Translator().take('something.new', { strange: true })).toEqual([])
  expect(new Translator().take('message.part.updated', { part: { type: 'hologram' } })).toEqual([])
})

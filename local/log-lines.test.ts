import { describe, expect, test } from 'vitest'
import { makeLineSplitter, renderLogLine } from './log-lines.ts'

const line = JSON.stringify({
  timestamp: '2026-02-03T12:00:00.005Z',
  level: 'info',
  event: 'session_started',
  logger: 'orchestrator.session',
  session_id: 'ses_1',
  goal: 'two words',
  count: 3,
})

describe('a log line', () => {
  test('reads as time, level, who, what, ids and the rest', () => {
    const text = renderLogLine(line, { colour: false })
    expect(text).toMatch(
      /^\d\d:\d\d:\d\d\.005 info {2}session {4}session started ses_1 goal="two words" count=3$/,
    )
  })

  test('that is not ours passes as it is, with its source', () => {
    expect(renderLogLine('plain', { colour: false })).toBe('plain')
    expect(renderLogLine('{"a":1}', { colour: false, source: 'builder-1' })).toBe('builder-1 {"a":1}')
  })

  test('cannot move the cursor', () => {
    const sly = JSON.stringify({ ...JSON.parse(line), goal: 'a\u001b[2J\nb' })
    const text = renderLogLine(sly, { colour: false })
    expect([text.includes('\u001b'), text.includes('\n')]).toEqual([false, false])
  })
})

test('a stream is cut into lines wherever its chunks end', () => {
  const lines: string[] = []
  const splitter = makeLineSplitter((text) => lines.push(text))
  const bytes = Buffer.from('eins\nzwölf\ndr')
  splitter.push(bytes.subarray(0, 8))
  splitter.push(bytes.subarray(8))
  splitter.end()
  expect(lines).toEqual(['eins', 'zwölf', 'dr'])
})

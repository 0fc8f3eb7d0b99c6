import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server as HttpServer } from 'node:http'
import { join } from 'node:path'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Plan, validatePlan } from '#core/plan/plan'
import { temporaryFolder } from '../fixtures.ts'
import { waitFor } from '../wait.ts'
import { marker, planPrompt, taskPrompt } from './fixtures.ts'
import { bootOpencode, type Opencode, opencodeInstalled } from './opencode-fixture.ts'
import { type RunningModel, startModel } from './server.ts'

const folder = temporaryFolder()
const installed = opencodeInstalled()
const plans: Plan[] = []
let refusals = 0
let model: RunningModel
let mcp: HttpServer
let opencode: Opencode

beforeAll(async () => {
  if (!installed) return
  model = await startModel()
  mcp = await startMcp()
  const address = mcp.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const state = join(folder.path, 'state')
  mkdirSync(state)
  opencode = await bootOpencode(state, model.url, `http://127.0.0.1:${port}/mcp`)
})

afterAll(async () => {
  await opencode?.stop()
  await model?.stop()
  mcp?.closeAllConnections()
  mcp?.close()
  folder.remove()
})

test.runIf(installed)('a task is done by the real OpenCode: the files are there', async () => {
  const repository = makeRepository('task')
  const session = await opencode.start(repository)
  const goal = "Add a changelog\n\nIt's time for one."
  await opencode.prompt(repository, session, taskPrompt({ goal, instruction: 'Start the file.' }))
  const messages = await opencode.idle(repository, session)
  const parts = messages.flatMap(({ parts }) => parts)
  const tools = parts.filter(({ type }) => type === 'tool')
  expect(tools.map(({ tool, state }) => [tool, tool === 'read' ? '' : state?.status])).toEqual([
    ['glob', 'completed'],
    ['bash', 'completed'],
    ['read', ''],
    ['read', ''],
    ['write', 'completed'],
    ['write', 'completed'],
    ['bash', 'completed'],
  ])
  expect(tools.at(-1)?.state?.output).toContain('rehearsal/change.md')
  expect(parts.some(({ type }) => type === 'reasoning')).toBe(true)
  expect(parts.findLast(({ type }) => type === 'text')?.text).toContain('Done, as a rehearsal')
  expect(messages.at(-1)?.info.tokens?.output).toBeGreaterThan(0)
  expect(fileIn(repository, 'rehearsal/change.md')).toContain('> Start the file.')
  expect(fileIn(repository, 'CHANGELOG.md')).toContain('- Add a changelog')
})

test.runIf(installed)(
  'the Architect hands its plan in through MCP, and corrects the one that was refused',
  async () => {
    const repository = makeRepository('plan')
    const session = await opencode.start(repository, true)
    await opencode.prompt(repository, session, planPrompt('Add a changelog\n\nWith dates.'))
    await opencode.idle(repository, session)
    expect(refusals).toBe(1)
    expect(plans.map(({ tasks }) => tasks.map(({ key }) => key))).toEqual([['survey', 'change', 'notes']])
    expect(execFileSync('git', ['status', '--short'], { cwd: repository, encoding: 'utf8' })).toBe('')
  },
)

test.runIf(installed)(
  'a question is asked and answered, and what a person says meanwhile is written down',
  async () => {
    const repository = makeRepository('steering')
    const session = await opencode.start(repository)
    const instruction = marker({ ask: { question: 'Which colour?', options: ['Red', 'Blue'] } })
    await opencode.prompt(repository, session, taskPrompt({ key: 'paint', instruction }))
    await opencode.untilAsked(repository, session)
    await opencode.prompt(repository, session, '# Messages from the operator\nPlease be kind.')
    await opencode.answer(repository, session, 'Blue')
    const messages = await opencode.idle(repository, session)
    expect(fileIn(repository, 'rehearsal/steering.md')).toContain('> Please be kind.')
    expect(fileIn(repository, 'rehearsal/paint.md')).toContain('rehearsal model')
    expect(messages.at(-1)?.parts.find(({ type }) => type === 'text')?.text).toContain(
      '"Which colour?"="Blue"',
    )
  },
)

test.runIf(installed)(
  'a command that was interrupted is run again when the conversation goes on',
  async () => {
    const repository = makeRepository('interrupt')
    const session = await opencode.start(repository)
    const command = 'test -f begun && echo again > done.txt || { touch begun; sleep 60; }'
    const steps = [{ text: 'I try.', tools: [{ name: 'bash', args: { command } }] }, { text: 'The end.' }]
    await opencode.prompt(repository, session, taskPrompt({ instruction: marker({ steps }) }))
    await waitFor('the command', 20_000, () => existsSync(join(repository, 'begun')) || null)
    await opencode.abort(repository, session)
    await opencode.prompt(repository, session, '# Messages from the operator\nGo on.')
    const messages = await opencode.idle(repository, session)
    expect(messages.at(-1)?.parts.find(({ type }) => type === 'text')?.text).toBe('The end.')
    expect(fileIn(repository, 'done.txt')).toBe('again\n')
    expect(fileIn(repository, 'rehearsal/steering.md')).toContain('> Go on.')
  },
)

test.runIf(installed)(
  'a conversation that OpenCode compacts in the middle goes on where it stood',
  async () => {
    const repository = makeRepository('compaction')
    const session = await opencode.start(repository)
    const note = (word: string) => [{ name: 'bash', args: { command: `echo ${word} >> done.txt` } }]
    const steps = [
      { text: 'First.', tools: note('one'), usage: { prompt_tokens: 199_000 } },
      { text: 'Second.', tools: note('two') },
      { text: 'The end.' },
    ]
    await opencode.prompt(repository, session, taskPrompt({ instruction: marker({ steps }) }))
    const messages = await opencode.idle(repository, session)
    expect(messages.flatMap(({ parts }) => parts).some(({ type }) => type === 'compaction')).toBe(true)
    expect(messages.at(-1)?.parts.find(({ type }) => type === 'text')?.text).toBe('The end.')
    expect(fileIn(repository, 'done.txt')).toBe('one\ntwo\n')
  },
)

test.runIf(installed)(
  'a merge conflict is resolved with both sides, in a short file and in a long one',
  async () => {
    const repository = makeRepository('merge')
    const git = (...args: string[]) =>
      execFileSync('git', [...identity, ...args], { cwd: repository, stdio: 'pipe' })
    const long = Array.from({ length: 3_000 }, (_, i) => `line ${i}`)
    const write = (word: string) => {
      writeFileSync(join(repository, 'README.md'), `# Hello\n\n${word}\n`)
      writeFileSync(join(repository, 'long.txt'), `${long.with(2_500, word).join('\n')}\n`)
      git('add', '-A')
      git('commit', '-qm', word)
    }
    write('base')
    git('checkout', '-qb', 'side')
    write('theirs')
    git('checkout', '-q', '-')
    write('ours')
    expect(() => git('merge', 'side')).toThrow()
    const session = await opencode.start(repository)
    const prompt =
      'The work of the task "side" was merged.\n\nconflicted files:\n- README.md\n- long.txt\n\nResolve them.'
    await opencode.prompt(repository, session, prompt)
    await opencode.idle(repository, session)
    expect(fileIn(repository, 'README.md')).toBe('# Hello\n\nours\ntheirs\n')
    expect(fileIn(repository, 'long.txt')).toBe(`${long.with(2_500, 'ours\ntheirs').join('\n')}\n`)
  },
)

const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com']

function makeRepository(name: string): string {
  const path = join(folder.path, name)
  mkdirSync(join(path, 'src'), { recursive: true })
  writeFileSync(join(path, 'README.md'), '# Hello\n')
  writeFileSync(join(path, 'src/hello.ts'), "console.log('hello')\n")
  for (const args of [
    ['init', '-q'],
    ['add', '-A'],
    [...identity, 'commit', '-qm', 'Begin'],
  ]) {
    execFileSync('git', args, { cwd: path, stdio: 'pipe' })
  }
  return path
}

function fileIn(repository: string, file: string): string {
  const path = join(repository, file)
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

/** Takes plans of at most three tasks, so that the first one is refused. */
async function startMcp(): Promise<HttpServer> {
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const tools = new Server({ name: 'plans', version: '1.0.0' }, { capabilities: { tools: {} } })
    tools.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: [{ name: 'plan_submit', description: 'Submit the plan', inputSchema: { type: 'object' } }],
    }))
    tools.setRequestHandler(CallToolRequestSchema, ({ params }) => {
      const verdict = validatePlan(params.arguments, 3)
      if (verdict.ok) plans.push(verdict.plan)
      else refusals += 1
      const text = verdict.ok
        ? 'The plan is accepted.'
        : `The plan was not accepted:\n${verdict.errors.map(({ message }) => message).join('\n')}`
      return { content: [{ type: 'text', text }], isError: !verdict.ok }
    })
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
    response.on('close', () => void tools.close())
    await tools.connect(Object.assign(transport, { onclose: () => undefined, onerror: () => undefined }))
    await transport.handleRequest(request, response)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return server
}

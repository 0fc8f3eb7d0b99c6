import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import * as z from 'zod'
import { choosePort } from '../port.ts'
import { signal as sendSignal } from '../process.ts'
import { waitFor } from '../wait.ts'

const resolve = createRequire(import.meta.url).resolve
const password = 'for-this-test-only'

const Part = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  tool: z.string().optional(),
  state: z.looseObject({ status: z.string(), output: z.string().optional() }).optional(),
})
const Messages = z.array(
  z.looseObject({
    info: z.looseObject({
      role: z.string(),
      tokens: z.looseObject({ input: z.number(), output: z.number(), reasoning: z.number() }).optional(),
    }),
    parts: z.array(Part),
  }),
)
const Session = z.looseObject({ id: z.string() })
const Questions = z.array(z.looseObject({ id: z.string(), sessionID: z.string() }))

export type Opencode = {
  /** Opens a session; only a planner is offered the tools of the MCP server. */
  start: (directory: string, planner?: boolean) => Promise<string>
  prompt: (directory: string, session: string, text: string) => Promise<void>
  idle: (directory: string, session: string) => Promise<z.infer<typeof Messages>>
  untilAsked: (directory: string, session: string) => Promise<string>
  abort: (directory: string, session: string) => Promise<void>
  /** Answers the question that is open in this session, once there is one. */
  answer: (directory: string, session: string, label: string) => Promise<void>
  stop: () => Promise<void>
}

/** Whether npm installed the binary: there is none of it for some systems. */
export const opencodeInstalled = (): boolean => {
  try {
    return resolve('opencode-linux-x64/package.json') !== ''
  } catch {
    return false
  }
}

/** Boots the pinned OpenCode for a test, in folders of its own, with our model and one MCP server. */
export async function bootOpencode(state: string, modelUrl: string, mcpUrl: string): Promise<Opencode> {
  const port = await choosePort('model', 0)
  const binary = join(dirname(resolve('opencode-linux-x64/package.json')), 'bin/opencode')
  // Its own process group and session: everything of it is ended with it.
  const child = spawn(binary, ['serve', '--hostname', '127.0.0.1', '--port', String(port)], {
    cwd: state,
    env: environmentIn(state, configFor(modelUrl, mcpUrl)),
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  })
  const endNow = () => void (child.pid === undefined ? undefined : sendSignal(-child.pid, 'SIGKILL'))
  process.once('exit', endNow)
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2_000)
  })
  try {
    await waitFor('OpenCode', 40_000, () => (said.includes('listening on') ? true : null), 50)
  } catch (error) {
    endNow()
    throw error
  }
  return clientOf(port, async () => {
    process.off('exit', endNow)
    await ended(child, endNow)
  })
}

function clientOf(port: number, stop: () => Promise<void>): Opencode {
  const authorization = `Basic ${Buffer.from(`test:${password}`).toString('base64')}`
  const call = async (directory: string, path: string, body?: object): Promise<unknown> => {
    const query = `directory=${encodeURIComponent(directory)}`
    const response = await fetch(`http://127.0.0.1:${port}${path}?${query}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text.slice(0, 300)}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  const messages = async (directory: string, session: string) =>
    Messages.parse(await call(directory, `/session/${session}/message`))
  const untilAsked = (directory: string, session: string) =>
    waitFor('a question', 20_000, async () => {
      const open = Questions.parse(await call(directory, '/question'))
      return open.find(({ sessionID }) => sessionID === session)?.id ?? null
    })
  return {
    start: async (directory, planner = false) => {
      const permission = planner ? [] : [{ permission: 'orchestrator_*', pattern: '*', action: 'deny' }]
      return Session.parse(await call(directory, '/session', { title: 'test', permission })).id
    },
    prompt: async (directory, session, text) => {
      await call(directory, `/session/${session}/prompt_async`, { parts: [{ type: 'text', text }] })
    },
    idle: (directory, session) =>
      waitFor('the session to be idle', 25_000, async () => {
        const status = z.record(z.string(), z.unknown()).parse(await call(directory, '/session/status'))
        if (session in status) return null
        const all = await messages(directory, session)
        const last = all.at(-1)
        const done = last?.parts.some(({ type, reason }) => type === 'step-finish' && reason === 'stop')
        return last?.info.role === 'assistant' && done ? all : null
      }),
    untilAsked,
    abort: async (directory, session) => {
      await call(directory, `/session/${session}/abort`, {})
    },
    answer: async (directory, session, label) => {
      const id = await untilAsked(directory, session)
      await call(directory, `/question/${id}/reply`, { answers: [[label]] })
    },
    stop,
  }
}

async function ended(child: ChildProcess, endNow: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise<void>((done) => child.once('exit', () => done()))
  endNow()
  await Promise.race([exit, pause(5_000, undefined, { ref: false })])
}

const configFor = (modelUrl: string, mcpUrl: string) => ({
  model: 'rehearsal/rehearsal-1',
  small_model: 'rehearsal/rehearsal-1',
  enabled_providers: ['rehearsal'],
  share: 'disabled',
  autoupdate: false,
  snapshot: false,
  permission: { webfetch: 'deny', websearch: 'deny' },
  mcp: { orchestrator: { type: 'remote', url: mcpUrl, oauth: false, enabled: true } },
  provider: {
    rehearsal: {
      npm: '@ai-sdk/openai-compatible',
      options: { baseURL: modelUrl, apiKey: 'none' },
      models: {
        'rehearsal-1': { tool_call: true, reasoning: true, limit: { context: 200_000, output: 32_000 } },
      },
    },
  },
})

function environmentIn(state: string, config: object): NodeJS.ProcessEnv {
  const folder = (name: string) => {
    mkdirSync(join(state, name), { recursive: true })
    return join(state, name)
  }
  const plugins = join(folder('config'), 'opencode')
  mkdirSync(join(plugins, 'node_modules'), { recursive: true })
  const dependencies = { '@opencode-ai/plugin': '1.18.33' }
  writeFileSync(join(plugins, 'package.json'), JSON.stringify({ dependencies }))
  const lock = { lockfileVersion: 3, packages: { '': { dependencies } } }
  writeFileSync(join(plugins, 'package-lock.json'), JSON.stringify(lock))
  writeFileSync(join(state, 'no-models.json'), '{}')
  const ripgrep = dirname(resolve(`@vscode/ripgrep-${process.platform}-${process.arch}/bin/rg`))
  const disabled = [
    'MODELS_FETCH',
    'AUTOUPDATE',
    'SHARE',
    'LSP_DOWNLOAD',
    'DEFAULT_PLUGINS',
    'CLAUDE_CODE',
    'EXTERNAL_SKILLS',
    'EMBEDDED_WEB_UI',
    'PROJECT_CONFIG',
  ].map((name) => [`OPENCODE_DISABLE_${name}`, '1'] as const)
  return {
    ...Object.fromEntries(disabled),
    PATH: `${ripgrep}:${process.env.PATH}`,
    HOME: folder('home'),
    XDG_CONFIG_HOME: folder('config'),
    XDG_DATA_HOME: folder('data'),
    XDG_CACHE_HOME: folder('cache'),
    XDG_STATE_HOME: folder('state'),
    OPENCODE_PURE: '1',
    OPENCODE_MODELS_PATH: join(state, 'no-models.json'),
    OPENCODE_CONFIG_CONTENT: JSON.stringify(config),
    OPENCODE_SERVER_USERNAME: 'test',
    OPENCODE_SERVER_PASSWORD: password,
  }
}

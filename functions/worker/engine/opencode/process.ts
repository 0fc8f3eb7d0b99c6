import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { reasonOf } from '../../log.ts'
import { type Isolated, startIsolated } from '../../process/isolate.ts'
import { wait } from '../../wait.ts'
import { EngineError, type OpenOptions } from '../engine.ts'
import type { ModelConfig } from '../model.ts'
import { OpencodeApi } from './api.ts'
import { serverEnvironment } from './config.ts'

export type OpencodeServer = {
  api: OpencodeApi
  /** Aborted when the process is gone, with what it said last as the reason. */
  gone: AbortSignal
  end: () => Promise<void>
}

export type ServerOptions = {
  binary: string
  model: ModelConfig
  hidden: string[]
  startDeadline: number
}

/** Starts one `opencode serve` for one attempt, healthy, within a deadline (ms) or not at all. */
export async function startServer(open: OpenOptions, options: ServerOptions): Promise<OpencodeServer> {
  const until = Date.now() + options.startDeadline
  // The port is chosen before it is bound, so another process may take it: then once more.
  for (let n = 1; ; n += 1) {
    const server = await launch(open, options)
    const problem = await becomesHealthy(server, until, open.signal)
    if (problem === undefined) return server
    await server.end()
    open.signal.throwIfAborted()
    if (n >= 3 || Date.now() >= until) throw new EngineError(`OpenCode did not start: ${problem}`)
  }
}

async function launch(open: OpenOptions, { binary, model, hidden }: ServerOptions): Promise<OpencodeServer> {
  const port = await freePort()
  const password = randomBytes(24).toString('base64url')
  const env = await serverEnvironment(open.state, { model, mcp: open.mcp, password, asks: open.asks })
  const command = [binary, 'serve', '--hostname', '127.0.0.1', '--port', String(port)]
  const isolated = await startIsolated(command, { cwd: open.directory, env, hidden })
  return {
    api: new OpencodeApi({ port, password, directory: open.directory }),
    gone: watch(isolated),
    end: isolated.end,
  }
}

function watch({ child, exited }: Isolated): AbortSignal {
  const gone = new AbortController()
  let last = ''
  const keep = (chunk: Buffer) => {
    last = (last + chunk.toString('utf8')).slice(-1_000)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  void exited.then(({ code, signal, error }) => {
    const how = error ? reasonOf(error) : `${signal ?? `exit ${code}`}: ${last.trim()}`
    // 127 and 126 are the shell's words for a program that is not there or cannot be run.
    gone.abort(new EngineError(`OpenCode ended (${how})`, code !== 127 && code !== 126))
  })
  return gone.signal
}

/** A probe sent while the server boots may hang for ever, hence a second each. Returns the problem, if any. */
async function becomesHealthy(server: OpencodeServer, until: number, signal: AbortSignal) {
  const stop = AbortSignal.any([server.gone, signal])
  while (!stop.aborted) {
    if (await server.api.healthy()) return undefined
    if (Date.now() >= until) return 'not healthy in time'
    await wait(100, stop)
  }
  return reasonOf(stop.reason)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  if (typeof address !== 'object' || !address) throw new EngineError('no free port')
  return address.port
}

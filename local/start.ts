/** `npm start`: the whole product on this machine, until Ctrl-C. */
import { type LocalCloud, startLocal } from './cloud.ts'
import { makeLog, reasonOf } from './log.ts'
import { renderLogLine, renderStdout } from './log-lines.ts'
import { readOptions, type StartOptions, usage } from './options.ts'
import { withoutPassword } from './services/service.ts'
import { renderTable } from './table.ts'

const fail = (error: unknown): never => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}

const summary = (cloud: LocalCloud): string => {
  const rows = cloud.services.map(({ name, url, note }) => [name, withoutPassword(url), note])
  const workers = cloud.workers.map(({ name, pid }) => [name, `process ${pid() ?? '-'}`, 'agent worker'])
  return [
    '',
    renderTable(['service', 'address', 'what'], [...rows, ...workers, ['model', '', cloud.model]]),
    '',
    ...(cloud.dashboard === null ? [] : [`  Page  ${cloud.dashboard}`]),
    `  API   ${cloud.api}`,
    `  Docs  ${cloud.url}/docs`,
    `  Data  ${cloud.data}`,
    '',
    '  Ctrl-C ends everything.',
    '',
    '',
  ].join('\n')
}

/** npm hands a Ctrl-C on that the terminal has sent us already: a second one counts only after a moment. */
const secondCountsAfterMs = 1_000

const untilAsked = (log: ReturnType<typeof makeLog>): Promise<void> =>
  new Promise((resolve) => {
    let firstAt: number | null = null
    const onSignal = (name: NodeJS.Signals): void => {
      if (firstAt === null) {
        firstAt = Date.now()
        log('info', 'stop_requested', { signal: name })
        resolve()
      } else if (Date.now() - firstAt > secondCountsAfterMs) {
        log('warn', 'stop_forced', { signal: name })
        process.exit(130)
      }
    }
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal)
  })

const run = async (options: StartOptions): Promise<void> => {
  const terminal = process.stdout.isTTY === true
  const pretty = options.pretty ?? terminal
  const colour = terminal && process.env.NO_COLOR === undefined
  const restore = pretty ? renderStdout(process.stdout, colour) : () => {}
  const log = makeLog('orchestrator.local', (line) => process.stdout.write(line))

  const write = (line: string, source?: string): void => {
    if (source === undefined) process.stdout.write(line)
    else if (pretty) process.stdout.write(`${renderLogLine(line.trimEnd(), { colour, source })}\n`)
    else if (line.startsWith('{')) process.stdout.write(line)
    else log('info', 'worker_printed', { worker: source, text: line.trimEnd().slice(0, 4_000) })
  }
  // The functions share this process; a stray error of one must not take the database of all down.
  for (const name of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(name, (error: unknown) => log('error', 'uncaught_error', { reason: reasonOf(error) }))
  }

  const asked = untilAsked(log)
  const starting = startLocal({ ...options, write })
  // Ctrl-C before everything is up: what is up is ended as soon as the rest is.
  const cloud = await starting
  // JSON consumers read stdout; the table is for people.
  const table = summary(cloud)
  if (pretty) process.stdout.write(table)
  else process.stderr.write(table)
  log('info', 'local_cloud_started', { api: cloud.api, data: cloud.data, model: cloud.model })

  await asked
  await cloud.stop()
  log('info', 'local_cloud_stopped')
  restore()
}

try {
  const options = readOptions(process.argv.slice(2), process.env)
  if (options.help) process.stdout.write(`${usage}\n`)
  else await run(options)
  process.exit(0)
} catch (error) {
  fail(error)
}

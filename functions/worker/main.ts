import { ConfigError, configFromEnv } from './config.ts'
import { createLog, reasonOf } from './log.ts'
import { exitCodes, runWorker } from './worker.ts'

const log = createLog(() => ({}))
const stop = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (!stop.signal.aborted) log('worker_stopping', { signal })
    stop.abort()
  })
}

try {
  process.exit(await runWorker(configFromEnv(), { signal: stop.signal }))
} catch (error) {
  log(
    error instanceof ConfigError ? 'worker_misconfigured' : 'worker_failed',
    { reason: reasonOf(error) },
    'error',
  )
  process.exit(exitCodes.failed)
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Wiring } from './cloud.ts'
import type { Handler, LoadFunction } from './invoke.ts'

/** A data folder for one test, and its end. */
export const temporaryFolder = (): { path: string; remove: () => void } => {
  const path = mkdtempSync(join(tmpdir(), 'orchestrator-local-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

const limits = { timeout_seconds: 2, memory_mb: 128 }

/** The product's shape with functions that a test gives, and a queue whose messages come back soon. */
export const smallWiring: Wiring = {
  functions: {
    api: { handler: 'api', ...limits },
    step: { handler: 'step', ...limits },
    sweep: { handler: 'sweep', ...limits },
    migrate: { handler: 'migrate', ...limits },
  },
  queues: {
    steps: {
      visibility_seconds: 1,
      max_receives: 2,
      consumer: 'step',
      batch_size: 10,
      window_seconds: 0,
      max_concurrency: 2,
    },
  },
  http: { function: 'api' },
  schedules: { sweep: { function: 'sweep', every_seconds: 60 } },
  tables: { connections: { partition_key: 'connection_id', sort_key: null, ttl: 'expires_at' } },
}

/** Handlers by the path that the wiring names; those that a test leaves out do nothing. */
export const loadFrom =
  (handlers: Readonly<Record<string, Handler>>): LoadFunction =>
  async (path) => ({ handler: handlers[path] ?? (() => ({ statusCode: 204 })) })

/** Nothing a test wants from the person's shell: no keys, no services of the machine. */
export const bareEnv: NodeJS.ProcessEnv = { PATH: process.env.PATH, HOME: '/nonexistent' }

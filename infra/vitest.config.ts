import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** What needs SST's platform on disk: `npm run infra:check` installs it first. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['infra/check/*.check.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
})

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{core,functions,infra,local,test,bin,web}/**/*.test.ts'],
    globalSetup: ['test/services.ts'],
    setupFiles: ['test/hear.ts'],
    // Everything is logged and checked; a red test is read more easily without, so it is shown only when asked for.
    env: {
      POWERTOOLS_LOG_LEVEL: process.env.POWERTOOLS_LOG_LEVEL ?? 'DEBUG',
      TEST_SHOWS_LINES: process.env.POWERTOOLS_LOG_LEVEL ? 'yes' : 'no',
    },
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
})

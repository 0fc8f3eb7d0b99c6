import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{core,functions,infra,local,test,bin,web}/**/*.test.ts'],
    globalSetup: ['test/services.ts'],
    // A red test is read more easily without the handlers' lines.
    env: { POWERTOOLS_LOG_LEVEL: process.env.POWERTOOLS_LOG_LEVEL ?? 'CRITICAL' },
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
})

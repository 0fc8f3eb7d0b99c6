import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{core,functions,infra,local,test,bin}/**/*.test.ts'],
    globalSetup: ['test/services.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
})

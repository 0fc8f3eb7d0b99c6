#!/usr/bin/env node
// The integration suite against services that run already, named by the environment; says what is missing.
// What knows no Postgres, Redis or queue (pure rules, the worker's own tests, the browser) is left to `npm test`.
import { spawnSync } from 'node:child_process'

const missing = ['DATABASE_URL', 'REDIS_URL'].filter((name) => !process.env[name])
if (missing.length > 0) {
  console.error(`Set ${missing.join(' and ')} to the services to test against, for example:`)
  console.error(
    '  DATABASE_URL=postgres://postgres@127.0.0.1:5432/postgres REDIS_URL=redis://127.0.0.1:6379 \\',
  )
  console.error('    npm run test:services')
  process.exit(2)
}
const integration = ['test/engine', 'test/api', 'test/live', 'test/e2e/story', 'test/e2e/restart', 'local']
const { status } = spawnSync('npm', ['test', '--', ...process.argv.slice(2), ...integration], {
  stdio: 'inherit',
})
process.exit(status ?? 1)

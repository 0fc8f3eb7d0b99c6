#!/usr/bin/env node
// The suite against services that run already, named by the environment; says what is missing.
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
const { status } = spawnSync('npm', ['test', ...process.argv.slice(2)], { stdio: 'inherit' })
process.exit(status ?? 1)

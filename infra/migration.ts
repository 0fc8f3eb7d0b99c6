/// <reference path="../.sst/platform/config.d.ts" />
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { logins } from './database.ts'
import { makeFunction, type Parts } from './functions.ts'
import type { Stores } from './permissions.ts'

const folder = 'core/migrations'

/**
 * Runs the migrations in the deployment, before any function changes: the release that is still running meets the
 * new tables, so every migration has to suit both. Runs again whenever a file, a login or the admin key changes.
 */
export function runMigration(
  parts: Pick<Parts, 'network' | 'settings' | 'database' | 'admin_key'> & { stores: Stores },
) {
  const { database, admin_key } = parts
  const { app, engine } = database.passwords
  const migrate = makeFunction('migrate', parts, {
    environment: {
      DATABASE_URL: database.urls.owner,
      MIGRATIONS_FOLDER: '/var/task/migrations',
      ADMIN_KEY: admin_key,
      LOGINS: $jsonStringify([
        { login: logins.app, role: 'app', password: app },
        { login: logins.engine, role: 'engine', password: engine },
      ]),
    },
    copyFiles: [{ from: folder, to: 'migrations' }],
  })
  const secrets = $resolve([app, engine, admin_key]).apply((values) => hash(values))
  return new aws.lambda.Invocation('Migration', {
    functionName: migrate.name,
    input: '{}',
    triggers: { files: hash(migrationFiles()), secrets },
  })
}

const hash = (texts: string[]) => createHash('sha256').update(texts.join('\0')).digest('hex')

function migrationFiles() {
  const place = join($cli.paths.root, folder)
  return readdirSync(place)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => `${name}\n${readFileSync(join(place, name), 'utf8')}`)
}

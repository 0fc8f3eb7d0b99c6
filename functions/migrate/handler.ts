import { fileURLToPath } from 'node:url'
import * as z from 'zod/mini'
import { ensureLogins } from '#core/database/logins'
import { migrate } from '#core/database/migrate'
import { keepAdminKey } from '#core/key/admin'
import { logger } from '../log.ts'

/** The folder beside the domain; a bundle carries it along and says where by MIGRATIONS_FOLDER. */
const beside = fileURLToPath(new URL('../../core/migrations', import.meta.url))

const Logins = z.array(
  z.object({
    login: z.string().check(z.minLength(1)),
    role: z.enum(['app', 'engine']),
    password: z.string().check(z.minLength(1)),
  }),
)

/**
 * Runs once a deploy and once a local start, as the owner of the tables; LOGINS are the cloud's alone. ADMIN_KEY is the
 * first key; it takes the place of another under ADMIN_KEY_NAME.
 */
export async function handler() {
  const url = process.env.DATABASE_URL
  if (!url) throw new Error('DATABASE_URL is not set.')
  const ran = await migrate({ url, folder: process.env.MIGRATIONS_FOLDER ?? beside })
  const logins = Logins.parse(JSON.parse(process.env.LOGINS ?? '[]'))
  if (logins.length > 0) await ensureLogins({ url, logins })
  const token = process.env.ADMIN_KEY
  const admin_key = token ? await keepAdminKey({ url, token, name: process.env.ADMIN_KEY_NAME }) : null
  const done = { ran, logins: logins.map(({ login }) => login), admin_key }
  logger('migrate').info('migration_completed', done)
  return done
}

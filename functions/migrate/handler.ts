import { fileURLToPath } from 'node:url'
import { migrate } from '#core/database/migrate'
import { logger } from '../log.ts'

/** The folder beside the domain; a bundle carries it along and says where by MIGRATIONS_FOLDER. */
const beside = fileURLToPath(new URL('../../core/migrations', import.meta.url))

/** Runs once a deploy and once a local start, as the owner of the tables. */
export async function handler() {
  const url = process.env.DATABASE_URL
  if (!url) throw new Error('DATABASE_URL is not set.')
  const ran = await migrate({ url, folder: process.env.MIGRATIONS_FOLDER ?? beside })
  logger('migrate').info('migration_completed', { ran })
  return { ran }
}

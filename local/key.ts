import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultTenant } from '#core/actor'
import { newToken, readToken } from '#core/key/token'
import type { Invoke } from './invoke.ts'
import { keepSecret } from './secrets.ts'

const fileOf = (data: string): string => join(data, 'local-key')

/** The key of this data folder, made once, in a file that only its owner may read; the CLI reads it too. */
export const keepKey = (data: string): string => {
  const file = fileOf(data)
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  if (readToken(kept)) return kept
  const { token } = newToken(defaultTenant)
  writeFileSync(`${file}.part`, `${token}\n`, { mode: 0o600 })
  renameSync(`${file}.part`, file)
  return token
}

/** What the folder's keys are called: databases may serve several folders, and each replaces its own key alone. */
export const keyNameOf = (data: string): string => {
  const digest = createHash('sha256').update(keepSecret(data, 'instance')).digest('hex')
  return `local ${digest.slice(0, 12)}`
}

/** Migrates with the folder's key as the admin key; where that was revoked, with a new one. Answers the key. */
export const migrateWithKey = async (migrate: Invoke, data: string): Promise<string> => {
  for (const attempt of ['first', 'renewed'] as const) {
    const key = keepKey(data)
    process.env.ADMIN_KEY = key
    const answer = await migrate({})
    if (!isRevoked(answer)) return key
    if (attempt === 'first') rmSync(fileOf(data))
  }
  throw new Error(`The database refuses the key in ${fileOf(data)}.`)
}

const isRevoked = (answer: unknown): boolean =>
  typeof answer === 'object' && answer !== null && 'admin_key' in answer && answer.admin_key === 'revoked'

import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { temporaryFolder } from './fixtures.ts'
import { keepKey, keyNameOf, migrateWithKey } from './key.ts'

const folder = temporaryFolder()
afterAll(() => rmSync(folder.path, { recursive: true }))
const file = join(folder.path, 'local-key')

test('the key of a folder is made once, and only its owner may read it', () => {
  const key = keepKey(folder.path)
  expect(keepKey(folder.path)).toBe(key)
  expect(readFileSync(file, 'utf8')).toBe(`${key}\n`)
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('the name of a folder’s keys stays, and is no other folder’s', () => {
  const other = temporaryFolder()
  try {
    expect(keyNameOf(folder.path)).toBe(keyNameOf(folder.path))
    expect(keyNameOf(other.path)).not.toBe(keyNameOf(folder.path))
  } finally {
    rmSync(other.path, { recursive: true })
  }
})

test('a key that was revoked is replaced, once', async () => {
  const before = keepKey(folder.path)
  const asked: unknown[] = []
  const migrate = async () => {
    asked.push(process.env.ADMIN_KEY)
    return { admin_key: asked.length === 1 ? 'revoked' : 'kept' }
  }
  const key = await migrateWithKey(migrate, folder.path)
  expect(asked).toEqual([before, key])
  expect(key).not.toBe(before)
  expect(keepKey(folder.path)).toBe(key)
  await expect(migrateWithKey(async () => ({ admin_key: 'revoked' }), folder.path)).rejects.toThrow(file)
})

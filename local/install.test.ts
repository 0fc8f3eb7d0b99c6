import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './root.ts'

const install = join(root, 'bin/install.mjs')

test('an install that is up to date is left alone, without a word', () => {
  expect(execFileSync(process.execPath, [install], { encoding: 'utf8' })).toBe('')
})

test('without git it says what to do', () => {
  const ran = spawnSync(process.execPath, [install], { encoding: 'utf8', env: { PATH: '/nonexistent' } })
  expect(ran.status).toBe(1)
  expect(ran.stderr).toMatch(/^git is not on PATH\. Install it/)
})

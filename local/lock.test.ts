import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { temporaryFolder } from './fixtures.ts'
import { AlreadyRunningError, takeFolder } from './lock.ts'
import { startedAt } from './process.ts'

const folder = temporaryFolder()
afterAll(folder.remove)

test('a folder is taken once, and free again after the release', () => {
  const release = takeFolder(folder.path)
  expect(() => takeFolder(folder.path)).toThrow(AlreadyRunningError)
  release()
  takeFolder(folder.path)()
})

test('a lock of a dead process, or of one whose pid was given away, is taken over', () => {
  for (const holder of ['4194303 1', `${process.ppid} ${startedAt(process.ppid)}0`, 'rubbish', '']) {
    writeFileSync(join(folder.path, 'lock'), holder)
    takeFolder(folder.path)()
  }
})

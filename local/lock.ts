import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, startedAt } from './process.ts'

/** Another local cloud runs on the same data folder. */
export class AlreadyRunningError extends Error {}

const holderOf = (file: string): { pid: number; alive: boolean; text: string } | null => {
  try {
    const text = readFileSync(file, 'utf8')
    const [pidText = '', ...since] = text.trim().split(' ')
    const pid = Number(pidText)
    const alive = Number.isInteger(pid) && pid > 0 && isAlive(pid) && startedAt(pid) === since.join(' ')
    return { pid, alive, text }
  } catch {
    return null
  }
}

const maxTries = 5

/**
 * Takes the data folder for this process. Throws AlreadyRunningError while its holder lives; a lock whose
 * holder is dead is taken over. Answers the release.
 */
export const takeFolder = (data: string): (() => void) => {
  mkdirSync(data, { recursive: true, mode: 0o711 })
  const file = join(data, 'lock')
  const ours = `${file}.${process.pid}`
  const text = `${process.pid} ${startedAt(process.pid)}\n`
  writeFileSync(ours, text)
  try {
    for (let tries = 0; tries < maxTries; tries += 1) {
      // A link is made whole or not at all, so nobody ever reads half a lock.
      if (tryLink(ours, file)) return () => release(file, text)
      const holder = holderOf(file)
      if (holder?.alive === true) {
        throw new AlreadyRunningError(
          `Already running here: process ${holder.pid} holds ${data}. Stop it, or start with another --data folder and --port.`,
        )
      }
      if (holder !== null) breakLock(file, holder.text)
    }
    throw new AlreadyRunningError(`Others are starting on ${data} at this moment. Try again.`)
  } finally {
    unlinkSync(ours)
  }
}

const tryLink = (from: string, to: string): boolean => {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** Moved aside first: if it is not the dead one that we read, somebody was faster, and gets it back. */
const breakLock = (file: string, dead: string): void => {
  const aside = `${file}.stale.${process.pid}`
  try {
    renameSync(file, aside)
  } catch {
    return
  }
  if (readFileSync(aside, 'utf8') !== dead) tryLink(aside, file)
  rmSync(aside, { force: true })
}

const release = (file: string, text: string): void => {
  if (holderOf(file)?.text === text) rmSync(file, { force: true })
}

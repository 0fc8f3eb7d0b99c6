import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { BadInput, reasonOf } from '../api/errors.ts'
import type { Terminal } from '../terminal.ts'

/** The API takes bodies up to 1 MB; more is not worth reading. */
const longestInput = 1024 * 1024

/** The text of a file, or of standard input for `-`. @throws BadInput when it cannot be read or is over 1 MB */
export async function readText(terminal: Terminal, path: string) {
  const source = path === '-' ? terminal.input : createReadStream(resolve(terminal.cwd, path))
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of source) {
      chunks.push(Buffer.from(chunk))
      size += chunk.length
      if (size > longestInput) break
    }
  } catch (error) {
    throw new BadInput(`${path} cannot be read: ${reasonOf(error)}`)
  }
  if (size > longestInput) throw new BadInput(`${path} is longer than the 1 MB that the API takes`)
  return Buffer.concat(chunks).toString('utf8')
}

const remote = /^([a-z][a-z0-9+.-]*:\/\/|[\w.-]+@[\w.-]+:)/i

/**
 * The address of a repository as the API takes it: a URL as it is, a path made absolute.
 * @throws BadInput when the path is no folder here and the API is on this machine
 */
export async function repositoryUrl(terminal: Terminal, api: string, repo: string) {
  if (remote.test(repo)) return repo
  const path = resolve(terminal.cwd, repo)
  const found = await stat(path).catch(() => undefined)
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(new URL(api).hostname)
  if (local && !found?.isDirectory()) throw new BadInput(`--repo ${repo}: there is no folder ${path}`)
  return path
}

/** A JSON file as it is; what it means is the API's to check. */
export async function readJson(terminal: Terminal, path: string): Promise<unknown> {
  const text = await readText(terminal, path)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new BadInput(`${path} is not JSON: ${reasonOf(error)}`)
  }
}

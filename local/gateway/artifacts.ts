import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, mkdirSync, rmSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { dirname, join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { BodyTooLargeError } from './body.ts'
import { isSignedBy } from './signature.ts'

export type ArtifactOptions = { folder: string; secret: string; maxBytes: number }
export type ArtifactStore = (request: IncomingMessage, response: ServerResponse) => Promise<void>

export const artifactsPath = '/artifacts-store/'

const pattern = /^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/

/** Plain names joined by slashes; nothing that climbs out of the folder, nor into our own `.part` files. */
const isKey = (key: string): boolean =>
  key.length <= 512 && pattern.test(key) && !key.split('/').some((name) => name.startsWith('.'))

const answer = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

const sizeGuard = (limit: number): Transform => {
  let size = 0
  return new Transform({
    transform: (part: Buffer, _encoding, done) => {
      size += part.length
      if (size > limit) done(new BodyTooLargeError())
      else done(null, part)
    },
  })
}

/** Written aside, flushed to disk, then renamed: a key holds a whole artifact or none. */
const store = async (options: ArtifactOptions, key: string, request: IncomingMessage): Promise<void> => {
  const part = join(options.folder, '.part', randomUUID())
  const target = join(options.folder, key)
  try {
    await pipeline(
      request,
      sizeGuard(options.maxBytes),
      createWriteStream(part, { flush: true, mode: 0o600 }),
    )
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    await rename(part, target)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

const put = async (
  options: ArtifactOptions,
  key: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  try {
    if (Number(request.headers['content-length'] ?? 0) > options.maxBytes) throw new BodyTooLargeError()
    await store(options, key, request)
    answer(response, 200, '')
  } catch (error) {
    if (!(error instanceof BodyTooLargeError)) throw error
    response.setHeader('connection', 'close')
    answer(response, 413, `an artifact holds at most ${options.maxBytes} bytes`)
  }
}

const get = async (options: ArtifactOptions, key: string, response: ServerResponse): Promise<void> => {
  const file = await open(join(options.folder, key), 'r').catch(() => null)
  const found = await file?.stat()
  if (file === null || found === undefined || !found.isFile()) {
    await file?.close()
    return answer(response, 404, 'no such artifact')
  }
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': found.size })
  await pipeline(createReadStream('', { fd: file }), response)
}

/**
 * What stands for S3 here: `PUT` and `GET /artifacts-store/<key>?expires=<unix s>&signature=<hex>`, to and from a
 * folder, and `DELETE`, which takes all that is below the key. The signature is all the authorisation there is, as with a presigned URL.
 */
export const makeArtifactStore = (options: ArtifactOptions): ArtifactStore => {
  rmSync(join(options.folder, '.part'), { recursive: true, force: true })
  mkdirSync(join(options.folder, '.part'), { recursive: true, mode: 0o700 })
  return async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const key = pathname.slice(artifactsPath.length)
    const method = request.method ?? ''
    const expires = searchParams.get('expires') ?? ''
    const signature = searchParams.get('signature') ?? ''
    if (method !== 'PUT' && method !== 'GET' && method !== 'DELETE')
      return answer(response, 405, 'PUT, GET or DELETE')
    if (!isKey(key)) return answer(response, 400, 'not a key')
    const signed = isSignedBy(options.secret, signature, method, key, expires)
    if (!signed) return answer(response, 403, 'the signature does not match')
    if (!(Number(expires) * 1000 > Date.now())) return answer(response, 403, 'the address has expired')
    if (method === 'DELETE') {
      await rm(join(options.folder, key), { recursive: true, force: true })
      return answer(response, 200, '')
    }
    return method === 'PUT' ? put(options, key, request, response) : get(options, key, response)
  }
}

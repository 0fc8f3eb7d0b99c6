import type { IncomingMessage } from 'node:http'

export class BodyTooLargeError extends Error {}

/** The whole body, up to `limit` bytes. Throws BodyTooLargeError, the rest unread. */
export const readBody = async (request: IncomingMessage, limit: number): Promise<Buffer> => {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw new BodyTooLargeError()
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request) {
    if (!Buffer.isBuffer(part)) continue
    size += part.length
    if (size > limit) throw new BodyTooLargeError()
    parts.push(part)
  }
  return Buffer.concat(parts, size)
}

import { createHmac, timingSafeEqual } from 'node:crypto'

/** HMAC-SHA256, in hex, of what a signed artifact address allows: one method on one key until then (unix s). */
export const signArtifact = (secret: string, method: string, key: string, expires: number | string): string =>
  createHmac('sha256', secret).update(`${method}\n${key}\n${expires}`).digest('hex')

/** Whether the signature is ours for exactly this. Takes as long for a near miss as for a far one. */
export const isSignedBy = (
  secret: string,
  signature: string,
  method: string,
  key: string,
  expires: string,
): boolean => {
  const wanted = Buffer.from(signArtifact(secret, method, key, expires))
  const given = Buffer.from(signature)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

import { createHmac } from 'node:crypto'
import type { ArtifactStore } from '#core/artifact/store'
import { OrchestratorError } from '#core/error'

/** How long a presigned address holds, in seconds. */
export const presignedSeconds = 900
const readDeadlineMs = 10_000

/** The folder behind the local gateway: `<url>/<key>?expires=<unix s>&signature=<hex HMAC-SHA256>`. */
export function folderStore(options: { url: string; secret: string; now?: () => number }): ArtifactStore {
  const { secret, now = Date.now } = options
  const base = options.url.replace(/\/+$/, '')

  function sign(method: 'PUT' | 'GET', key: string) {
    const expires = Math.floor(now() / 1000) + presignedSeconds
    const signature = createHmac('sha256', secret).update(`${method}\n${key}\n${expires}`).digest('hex')
    return `${base}/${key}?expires=${expires}&signature=${signature}`
  }

  return {
    async presignUpload(key, size) {
      return { method: 'PUT', url: sign('PUT', key), headers: { 'content-length': String(size) } }
    },
    async presignDownload(key) {
      return { method: 'GET', url: sign('GET', key), headers: {} }
    },
    async read(key, max_bytes) {
      try {
        const response = await fetch(sign('GET', key), { signal: AbortSignal.timeout(readDeadlineMs) })
        if (response.ok) return await firstBytes(response, max_bytes)
        await response.body?.cancel()
        if (response.status === 404) return null
        throw new Error(`it answered ${response.status}`)
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause)
        throw new OrchestratorError('dependency_unavailable', `The artifact store failed: ${reason}`, {
          cause,
        })
      }
    },
  }
}

async function firstBytes(response: Response, max: number) {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body ?? []) {
    parts.push(part)
    size += part.length
    // Leaving the loop cancels the rest.
    if (size >= max) break
  }
  return Buffer.concat(parts).subarray(0, max)
}

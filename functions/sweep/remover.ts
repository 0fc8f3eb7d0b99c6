import { createHmac } from 'node:crypto'
import type { RemoveBelow } from '#core/retention/collect'

const deadlineMs = 10_000
const holdsSeconds = 60

/** Removes what is below a place of the folder behind the local gateway, with an address signed for that. */
export function folderRemover({ url, secret }: { url: string; secret: string }): RemoveBelow {
  return async (prefix) => {
    const key = prefix.replace(/\/$/, '')
    const expires = Math.floor(Date.now() / 1_000) + holdsSeconds
    const signature = createHmac('sha256', secret).update(`DELETE\n${key}\n${expires}`).digest('hex')
    const address = `${url.replace(/\/+$/, '')}/${key}?expires=${expires}&signature=${signature}`
    const answer = await fetch(address, { method: 'DELETE', signal: AbortSignal.timeout(deadlineMs) })
    await answer.body?.cancel()
    return answer.ok
  }
}

/** `s3://bucket`, whose client is loaded only where there is something to remove; or the folder's address. */
export function removerOf(url: string, secret: string): RemoveBelow {
  const bucket = /^s3:\/\/([^/]+)/.exec(url)?.[1]
  if (!bucket) return folderRemover({ url, secret })
  let made: Promise<RemoveBelow> | undefined
  return async (prefix) => {
    made ??= import('./s3.ts').then(({ s3Remover }) => s3Remover(bucket))
    return (await made)(prefix)
  }
}

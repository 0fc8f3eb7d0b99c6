import { send } from '../../../api/client.ts'

/** Parts of 1,000 events that are fetched at most. */
const most = 1_000

/** Fetches the whole log, which no link can since it carries no key, and lets the browser save it. */
export async function saveLog(id: string) {
  const parts: BlobPart[] = []
  let after = '0'
  for (let i = 0; i < most; i++) {
    const answer = await send(`/sessions/${id}/log`, { accept: 'text/plain', query: { after, limit: 1_000 } })
    parts.push(await answer.blob())
    const next = /[?&]after=(\d+)[^>]*>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1]
    if (next === undefined) break
    after = next
  }
  const address = URL.createObjectURL(new Blob(parts, { type: 'text/plain' }))
  const link = Object.assign(document.createElement('a'), { href: address, download: `${id}.log` })
  link.click()
  URL.revokeObjectURL(address)
}

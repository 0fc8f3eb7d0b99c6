import type { IncomingMessage } from 'node:http'

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]'])

const hostOf = (url: string): string | null => {
  try {
    return new URL(url).hostname
  } catch {
    return null
  }
}

/** Whether a browser says that a page of this very address asks, port and all; other programs say nothing. */
export const isOwnPage = ({ headers }: IncomingMessage): boolean => {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  return headers.origin === undefined || headers.origin === `http://${headers.host}`
}

/**
 * Whether a request comes from this machine's own programs and pages. Without it any web page that a person
 * visits could post to the loopback (its agents run commands), or reach it under a name that it rebinds.
 */
export const isLocalRequest = (request: IncomingMessage, allowed: readonly string[]): boolean => {
  const isLocal = (name: string | null) =>
    name !== null && (loopbackNames.has(name) || allowed.includes(name))
  const { host, origin } = request.headers
  if (host !== undefined && !isLocal(hostOf(`http://${host}`))) return false
  return origin === undefined || isLocal(hostOf(origin))
}

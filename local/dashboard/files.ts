import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, normalize, sep } from 'node:path'
import { policyOf, headers as siteHeaders } from '#infra/headers'
import { isLocalRequest, isOwnPage } from '../gateway/origin.ts'
import type { Built } from './build.ts'

export type PageConfig = {
  api_url: string
  ws_url: string
  environment: string
  /** Told to our own page alone, once it is there; empty: the page asks for one. */
  api_key: string | Promise<string>
}

export type FilesOptions = {
  building: Promise<Built>
  config: PageConfig
  hosts: readonly string[]
}

type Answer = { status: number; type: string; cache: string; body: string | Buffer }

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
}
/** Names under /assets/ hold a hash of what is in them. */
const forGood = 'public, max-age=31536000, immutable'
const never = 'no-store'

/** Answers the files of the build, config.json, and for every page's address the index. */
export const makeDashboardFiles = (options: FilesOptions) => {
  const { api_url, ws_url } = options.config
  const headers = { ...siteHeaders, 'content-security-policy': policyOf([api_url, ws_url]) }
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { status, type, cache, body } = await answerOf(request, options)
    response.writeHead(status, {
      ...headers,
      'content-type': type,
      'cache-control': cache,
      'content-length': Buffer.byteLength(body),
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
}

const plain = (status: number, text: string): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  cache: never,
  body: `${text}\n`,
})

const answerOf = async (request: IncomingMessage, options: FilesOptions): Promise<Answer> => {
  const { method = 'GET', url = '/' } = request
  if (!isLocalRequest(request, options.hosts)) return plain(403, 'This address is for this machine.')
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'Only GET and HEAD.')
  const path = pathOf(url)
  if (path === null) return plain(400, 'The path is not valid percent-encoding.')
  if (path === '/config.json') {
    if (!isOwnPage(request)) return plain(403, 'This is for the page of this address.')
    const config = { ...options.config, api_key: await options.config.api_key }
    return { status: 200, type: 'application/json', cache: never, body: JSON.stringify(config) }
  }
  let folder: string
  try {
    folder = (await options.building).folder
  } catch (error) {
    return plain(503, error instanceof Error ? error.message : String(error))
  }
  const file = await fileOf(folder, path)
  if (file !== null) return file
  // A part of an older release is gone: the page has to hear so, or it would take the index for a script.
  if (extname(path) !== '') return plain(404, `There is no ${path}.`)
  return (await fileOf(folder, '/index.html')) ?? plain(503, 'The dashboard was built without an index.')
}

const pathOf = (url: string): string | null => {
  try {
    return decodeURIComponent(url.split(/[?#]/)[0] ?? '/')
  } catch {
    return null
  }
}

/** A file of the folder; names that begin with a dot, and what lies outside, are none. */
const fileOf = async (folder: string, path: string): Promise<Answer | null> => {
  const place = normalize(join(folder, path))
  const type = types[extname(place)]
  if (!place.startsWith(`${folder}${sep}`) || type === undefined || path.includes('\0')) return null
  const body = await readFile(place).catch(() => null)
  if (body === null) return null
  return { status: 200, type, cache: path.startsWith('/assets/') ? forGood : never, body }
}

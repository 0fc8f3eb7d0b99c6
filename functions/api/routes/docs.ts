import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { OrchestratorError } from '#core/error'
import { documentOf } from '../document.ts'
import type { Api } from '../endpoint.ts'

/** The only files that are served, by name. */
const assets: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>OpenCode Industrial Orchestrator: API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`

/** No validator: it would send the document's address to a third party. */
const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null })
`

const policy =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"

/** The document of this API, and a page to read and try it; nothing comes from elsewhere. */
export function docsRoutes({ app, routes }: Api) {
  let document: string | undefined

  routes.push(
    { method: 'GET', path: '/openapi.json' },
    { method: 'GET', path: '/docs' },
    { method: 'GET', path: '/docs/{file}' },
  )
  app.get('/openapi.json', (c) => {
    c.set('route', '/openapi.json')
    document ??= JSON.stringify(documentOf(app))
    return c.body(document, 200, { 'content-type': 'application/json' })
  })
  app.get('/docs', (c) => {
    c.set('route', '/docs')
    return c.html(page, 200, { 'content-security-policy': policy })
  })
  app.get('/docs/:file', async (c) => {
    c.set('route', '/docs/{file}')
    const name = c.req.param('file')
    if (name === 'start.js') return c.body(start, 200, { 'content-type': 'text/javascript; charset=utf-8' })
    const type = Object.hasOwn(assets, name) ? assets[name] : undefined
    if (type === undefined) throw new OrchestratorError('not_found', `There is no page ${c.req.path}.`)
    const bytes = new Uint8Array(await readAsset(name))
    return c.body(bytes, 200, { 'content-type': type, 'cache-control': 'max-age=3600' })
  })
}

function readAsset(name: string) {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  return readFile(join(folder, name))
}

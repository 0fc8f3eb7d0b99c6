// Writes the config.json that the dashboard asks for when it opens; see web/config.ts. Run by `npm run build:site`,
// which SST runs with these variables.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const { SITE_API_URL: api_url, SITE_SOCKET_URL: ws_url, SITE_NAME: environment } = process.env
if (!api_url || !ws_url) throw new Error('SITE_API_URL and SITE_SOCKET_URL say where the API is; set both.')
const file = fileURLToPath(new URL('../dist/site/config.json', import.meta.url))
writeFileSync(file, `${JSON.stringify({ api_url, ws_url, environment })}\n`)

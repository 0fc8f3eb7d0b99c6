/** One more instance of the api function, in a process of its own: says its address, and ends with its parent. */
import { createServer } from 'node:http'
import { makeHttpApi } from '#local/gateway/http-api'
import { listen } from '#local/http'
import { loadFunction } from '#local/invoke'

const { handler } = await loadFunction('functions/api/handler.handler')
const context = { functionName: 'api' }
const serve = makeHttpApi(
  async (event) => Reflect.apply(handler, undefined, [event, context]),
  () => {},
)
const server = createServer((request, response) => {
  serve(request, response, 'instance').catch(() => response.destroy())
})
const port = await listen(server, 0)
process.stdin.resume().once('end', () => process.exit(0))
process.stdout.write(`listening http://127.0.0.1:${port}\n`)

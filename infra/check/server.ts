import { createServer } from 'node:http'

type Input = Record<string, unknown>
export type Methods = Record<string, (input: Input) => unknown>

/** Answers SST's components as the `sst` command does while it deploys: JSON-RPC over HTTP, on loopback. */
export async function startServer(methods: Methods) {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(Buffer.from(chunk))
    const { method, params } = JSON.parse(Buffer.concat(chunks).toString())
    const run = methods[method]
    const answer = await (async () => {
      if (!run) return { error: `rpc: can't find method ${method}` }
      try {
        return { result: await run(Object(params?.[0])) }
      } catch (error) {
        return { error: error instanceof Error ? error.message : String(error) }
      }
    })()
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return { url: `http://127.0.0.1:${port}`, stop: () => server.close() }
}

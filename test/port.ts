import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Systems give outgoing connections ports from 32768 on: one of those may be gone before it is listened on again. */
const lowest = 20_000
const highest = 32_000
const maxTries = 100

/** A port of this machine on which nothing listens, and that no outgoing connection takes. */
export async function freePort() {
  for (let tries = 0; tries < maxTries; tries++) {
    const port = randomInt(lowest, highest)
    if (await isFree(port)) return port
  }
  throw new Error(`No port between ${lowest} and ${highest} was free.`)
}

function isFree(port: number) {
  return new Promise<boolean>((answer) => {
    const server = createServer()
    server.once('error', () => answer(false))
    server.listen(port, '127.0.0.1', () => server.close(() => answer(true)))
  })
}

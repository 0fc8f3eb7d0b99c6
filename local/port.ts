import { createServer } from 'node:net'

export const loopback = '127.0.0.1'

/** Ports used when free and not asked otherwise; the gateway's alone is a promise (documents name it). */
export const preferredPorts = {
  gateway: 8000,
  dashboard: 3000,
  postgres: 15432,
  redis: 16379,
  sqs: 14566,
  dynamodb: 14567,
  model: 14568,
} as const

export type PortName = keyof typeof preferredPorts

/** A port that someone else holds. The message names the flag that changes it. */
export class PortTakenError extends Error {}

/** Whether we could listen on this port of the loopback now; 0 asks the system for any. Answers the port. */
const probe = (port: number): Promise<number | null> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(null))
    server.listen({ port, host: loopback, exclusive: true }, () => {
      const address = server.address()
      const found = typeof address === 'object' && address !== null ? address.port : null
      server.close(() => resolve(found))
    })
  })

/**
 * The port to use: `asked` strictly (0 = any free one), or without it the preferred one when free,
 * else any. Throws PortTakenError when the asked one is held.
 */
export const choosePort = async (name: PortName, asked: number | undefined): Promise<number> => {
  const wanted = asked ?? preferredPorts[name]
  const found = await probe(wanted)
  if (found !== null) return found
  const flexible = asked === undefined && name !== 'gateway'
  const other = flexible ? await probe(0) : null
  if (other !== null) return other
  const flag = name === 'gateway' ? '--port' : `--${name}-port`
  throw new PortTakenError(`Port ${wanted} (${name}) is in use. Choose another with ${flag} <port>.`)
}

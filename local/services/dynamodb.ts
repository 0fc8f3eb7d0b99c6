import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import dynalite from 'dynalite'
import { choosePort, loopback } from '../port.ts'
import { within } from '../wait.ts'
import type { Service } from './service.ts'

export type DynamoDbOptions = {
  /** An endpoint that runs already (AWS_ENDPOINT_URL_DYNAMODB or AWS_ENDPOINT_URL): used as it is. */
  external?: string | undefined
  /** The local cloud's data folder, absolute. */
  data: string
  port?: number | undefined
  deadlineMs: number
}

/** Long enough for whatever the emulator is doing, in ms. */
const finishMs = 250

/** DynamoDB: the given endpoint, or an emulator over LevelDB in `<data>/dynamodb`. */
export const startDynamoDb = async (options: DynamoDbOptions): Promise<Service> => {
  const { external } = options
  if (external !== undefined) return { name: 'dynamodb', url: external, note: 'given', stop: async () => {} }
  const path = join(options.data, 'dynamodb')
  mkdirSync(path, { recursive: true })
  const port = await choosePort('dynamodb', options.port)
  const server = dynalite({ path, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, loopback, resolve)
  })
  await within('DynamoDB', options.deadlineMs, listening)
  let stopping: Promise<void> | null = null
  const close = () =>
    new Promise<void>((resolve, reject) => {
      // Nothing new is begun, and what was is let finish, also for who has hung up: the emulator throws, uncaught,
      // where its database closes in the middle of a request.
      server.removeAllListeners('request')
      setTimeout(() => {
        server.close((error) => (error ? reject(error) : resolve()))
        server.closeAllConnections()
      }, finishMs)
    })
  return {
    name: 'dynamodb',
    url: `http://${loopback}:${port}`,
    note: `dynalite, data in ${path}`,
    stop: () => {
      stopping ??= close()
      return stopping
    },
  }
}

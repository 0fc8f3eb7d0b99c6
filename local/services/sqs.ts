import { buildApp } from 'fauxqs'
import { choosePort, loopback } from '../port.ts'
import { within } from '../wait.ts'
import type { Service } from './service.ts'

export type SqsOptions = {
  /** An endpoint that runs already (AWS_ENDPOINT_URL_SQS or AWS_ENDPOINT_URL): used as it is. */
  external?: string | undefined
  region: string
  port?: number | undefined
  deadlineMs: number
}

/** SQS: the given endpoint, or an emulator in memory. Messages may be lost: the sweep sends them again. */
export const startSqs = async (options: SqsOptions): Promise<Service> => {
  const { external } = options
  if (external !== undefined) return { name: 'sqs', url: external, note: 'given', stop: async () => {} }
  const port = await choosePort('sqs', options.port)
  // Its own start function opens to every network; the app underneath takes an address.
  const app = buildApp({ logger: false, defaultRegion: options.region })
  const names = `http://sqs.${options.region}.localhost:${port}`
  app.addHook('preHandler', async (request: { body: unknown }) => acceptAnyHost(request.body, names))
  await within('SQS', options.deadlineMs, app.listen({ port, host: loopback }))
  const url = `http://${loopback}:${port}`
  return { name: 'sqs', url, note: 'fauxqs, in memory', stop: () => app.close() }
}

/** It knows queues by a host name that not every system resolves; only the path of an address counts for us. */
const acceptAnyHost = (body: unknown, names: string): void => {
  if (typeof body !== 'object' || body === null || !('QueueUrl' in body)) return
  if (typeof body.QueueUrl === 'string' && URL.canParse(body.QueueUrl)) {
    body.QueueUrl = `${names}${new URL(body.QueueUrl).pathname}`
  }
}

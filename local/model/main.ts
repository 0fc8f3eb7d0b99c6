import { parseArgs } from 'node:util'
import { startModel } from './server.ts'

const { values } = parseArgs({ options: { port: { type: 'string', default: '14568' } } })
const port = Number(values.port)
if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('--port takes a number up to 65535')

const model = await startModel({ port, log: (entry) => console.log(JSON.stringify(entry)) })
console.log(JSON.stringify({ event: 'model_started', url: model.url }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void model.stop())

/** A Redis-compatible server in JavaScript as a process: `redis-child.ts <port>`. Ends when its parent does. */
import { createRedisServer } from 'js-redis-server'
import { loopback } from '../port.ts'

const port = Number(process.argv[2])
const redis = await createRedisServer()
// It has no option for the address and opens to every network: move it to the loopback before anybody knows it.
const listener = redis.server.server
await new Promise((resolve) => listener.close(resolve))
listener.listen(port, loopback)

process.once('disconnect', () => process.exit(0))

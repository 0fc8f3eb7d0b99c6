import { run } from './run.ts'
import { processTerminal } from './terminal.ts'

const code = await run(process.argv.slice(2), processTerminal())
// Once the last output has left: a pipe may still hold some of it, and idle connections would keep us.
process.stdout.write('', () => process.exit(code))

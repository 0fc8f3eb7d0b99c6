import { run } from './run.ts'
import { processTerminal } from './terminal.ts'

// A command's last output may still be on its way into a pipe: Node ends when it has left.
process.exitCode = await run(process.argv.slice(2), processTerminal())
process.stdin.unref?.()

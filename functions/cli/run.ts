import { CommanderError } from 'commander'
import { exitOf, Problem, renderError } from './api/errors.ts'
import { exit } from './exit.ts'
import { createPaint } from './paint.ts'
import { createProgram } from './program.ts'
import type { Terminal } from './terminal.ts'

/**
 * Runs one command line, e.g. `['session', 'list']`.
 * @returns the exit code; what went wrong was written to standard error (with --json: the API's own answer)
 */
export async function run(args: string[], terminal: Terminal): Promise<number> {
  let code: number = exit.ok
  const program = createProgram(terminal, (ended) => {
    code = ended
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.ok : exit.input
    if (terminal.interrupted.aborted) return exit.interrupted
    if (program.opts().json === true && error instanceof Problem) {
      terminal.err(`${JSON.stringify(error.raw)}\n`)
    } else terminal.err(renderError(error, createPaint(terminal.colour)))
    return exitOf(error)
  }
}

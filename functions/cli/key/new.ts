import { defaultTenant } from '#core/actor'
import { newToken } from '#core/key/token'
import { exit } from '../exit.ts'
import { printJson } from '../print.ts'
import type { Terminal } from '../terminal.ts'

/** A key that nobody knows yet, for the secret of a deployment; nothing is asked and nothing stored. */
export async function newKey(terminal: Terminal, json: boolean) {
  const { token } = newToken(defaultTenant)
  if (json) printJson(terminal, { token })
  else terminal.out(`${token}\n`)
  return exit.ok
}

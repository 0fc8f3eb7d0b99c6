import * as z from 'zod'
import { type Api, call } from '../api/client.ts'
import { SessionView } from '../api/records.ts'
import { exit } from '../exit.ts'
import { printJson } from '../print.ts'
import type { Terminal } from '../terminal.ts'

export const actions = [
  { name: 'start', description: 'start a created session' },
  { name: 'stop', description: 'stop a session; its agents get 30 s to hand back their work' },
  { name: 'pause', description: 'pause a session; it can be resumed' },
  { name: 'resume', description: 'go on with a paused session' },
  { name: 'retry', description: 'try a failed or stopped session again; finished tasks stay finished' },
] as const
export type Action = (typeof actions)[number]['name']

/** Asks for a transition. Repeating one that is already done answers the present state. */
export async function act(terminal: Terminal, api: Api, id: string, action: Action, json: boolean) {
  const path = `/sessions/${encodeURIComponent(id)}/${action}`
  const { raw, value } = await call(api, SessionView, path, { method: 'POST' })
  if (json) printJson(terminal, raw)
  else terminal.out(`${value.id} ${value.state}\n`)
  return exit.ok
}

export type ForkOptions = { checkpoint?: number; title?: string; start?: boolean }

/** Makes a session that goes on from a checkpoint of another one, which stays as it is. */
export async function forkSession(
  terminal: Terminal,
  api: Api,
  id: string,
  options: ForkOptions,
  json: boolean,
) {
  const { checkpoint, title, start } = options
  const path = `/sessions/${encodeURIComponent(id)}/fork`
  const body = { checkpoint, title, start }
  const { raw, value } = await call(api, SessionView, path, { method: 'POST', body })
  if (json) printJson(terminal, raw)
  else terminal.out(`${value.id} ${value.state}\n`)
  return exit.ok
}

/** Steers a session while it runs: the text reaches the agents that work on it. */
export async function sendMessage(terminal: Terminal, api: Api, id: string, text: string, json: boolean) {
  const path = `/sessions/${encodeURIComponent(id)}/messages`
  const { raw } = await call(api, z.unknown(), path, { method: 'POST', body: { text } })
  if (json) printJson(terminal, raw)
  else terminal.out('sent\n')
  return exit.ok
}

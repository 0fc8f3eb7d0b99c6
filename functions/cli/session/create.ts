import { type Api, call } from '../api/client.ts'
import { BadInput } from '../api/errors.ts'
import { SessionView } from '../api/records.ts'
import { exit } from '../exit.ts'
import { follow, followTiming } from '../follow/follow.ts'
import { plain } from '../harmless.ts'
import { createPaint } from '../paint.ts'
import type { Terminal } from '../terminal.ts'
import { readJson, readText, repositoryUrl } from './input.ts'

export type CreateOptions = {
  repo?: string
  base?: string
  title: string
  prompt?: string
  promptFile?: string
  priority?: string
  label?: string[]
  plan?: string
  maxTokens?: number
  maxCost?: number
  maxSeconds?: number
  maxTasks?: number
  approval?: 'auto' | 'ask'
  start?: boolean
  follow?: boolean
  idempotencyKey?: string
  json?: boolean
}

/** Creates a session, says its id and what to do next; with `follow` goes on to show it live. */
export async function createSession(terminal: Terminal, api: Api, options: CreateOptions) {
  const body = await newSession(terminal, api.base, options)
  const key = options.idempotencyKey
  const { raw, value } = await call(api, SessionView, '/sessions', {
    method: 'POST',
    body,
    ...(key === undefined ? {} : { idempotency_key: key }),
  })
  const json = options.json === true
  // Followed, every line is one JSON value: the session first, then its events.
  if (json) terminal.out(`${JSON.stringify(raw, null, options.follow ? 0 : 2)}\n`)
  else terminal.out(created(value, terminal, options.follow === true))
  if (!options.follow) return exit.ok
  return await follow(terminal, api, value.id, { json, after: 0, timing: followTiming })
}

/** The body of POST /sessions; what was not given is left out, so that the API's defaults hold. */
export async function newSession(terminal: Terminal, api: string, options: CreateOptions) {
  const { title, priority, label, plan, repo, base, start, approval } = options
  if (base !== undefined && repo === undefined) throw new BadInput('--base needs --repo')
  const budget = budgetOf(options)
  return {
    title,
    prompt: await promptOf(terminal, options),
    ...(priority === undefined ? {} : { priority: priority.toUpperCase() }),
    ...(repo === undefined
      ? {}
      : { repository: { url: await repositoryUrl(terminal, api, repo), ...(base ? { base } : {}) } }),
    ...(label === undefined ? {} : { labels: label }),
    ...(plan === undefined ? {} : { plan: await readJson(terminal, plan) }),
    ...(Object.keys(budget).length === 0 ? {} : { budget }),
    ...(approval === undefined ? {} : { approval_policy: { mode: approval } }),
    ...(start ? { start: true } : {}),
  }
}

async function promptOf(terminal: Terminal, { prompt, promptFile }: CreateOptions) {
  if ((prompt === undefined) === (promptFile === undefined)) {
    throw new BadInput('say what is to be done with either --prompt or --prompt-file (- is standard input)')
  }
  const file = promptFile ?? (prompt === '-' ? '-' : undefined)
  return file === undefined ? prompt : await readText(terminal, file)
}

function budgetOf({ maxTokens, maxCost, maxSeconds, maxTasks }: CreateOptions) {
  return {
    ...(maxTokens === undefined ? {} : { tokens: maxTokens }),
    ...(maxCost === undefined ? {} : { cost_usd: maxCost }),
    ...(maxSeconds === undefined ? {} : { seconds: maxSeconds }),
    ...(maxTasks === undefined ? {} : { tasks: maxTasks }),
  }
}

function created({ id, state, title }: SessionView, terminal: Terminal, followed: boolean) {
  const paint = createPaint(terminal.colour)
  const line = `${paint.bold(id)} ${state} ${plain(title)}\n`
  if (followed) return line
  const start = state === 'PENDING' ? `  start it:  npx orchestrator session start ${id}\n` : ''
  return `${line}${start}  follow it: npx orchestrator session follow ${id}\n`
}

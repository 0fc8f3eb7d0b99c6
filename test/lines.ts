import * as z from 'zod'
import { logEvents } from '#functions/log-events'

const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const id = (prefix: string) => z.string().regex(new RegExp(`^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`))

/** A log line as interfaces.md has it; what it carries besides has names, never prose or secrets by name. */
const LogLine = z
  .object({
    timestamp: time,
    level: z.enum(['debug', 'info', 'warn', 'error']),
    event: z.enum(logEvents),
    logger: z.string().regex(/^orchestrator\.[a-z]+$/),
    request_id: z.string().min(1).max(128).optional(),
    tenant_id: id('ten').optional(),
    session_id: id('ses').optional(),
    task_id: id('tsk').optional(),
    agent_id: id('agt').optional(),
  })
  .catchall(z.json())

/** Names under which nothing may be told, whatever it is. */
const unspeakable =
  /^(prompt|instruction|text|body|token|secret|password|authorization|ticket|api_key|token_hash|.*_secret|.*_token)$/
/** A worker that prints other than lines is passed on as it is; local/start.ts alone says that. */
const printed = 'worker_printed'
/** Tokens of agents, tickets, keys of providers, addresses with a password, signed addresses. */
const secrets = [
  /\bBearer +\S/,
  /\boio_[a-z]+_\w/,
  /\bsk-[\w-]{16,}/,
  /\b\w+:\/\/[^\s/:@]+:[^\s/@]+@/,
  /[?&](?:ticket|signature|X-Amz-Signature)=\w/,
]

/** What is wrong with a line, in words; null when nothing is. `quiet` are texts that nobody may tell. */
export function faultOf(line: string, quiet: readonly string[] = []) {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return 'is no JSON'
  }
  const read = LogLine.safeParse(value)
  if (!read.success) return z.prettifyError(read.error)
  const named = Object.keys(read.data).find((name) => !/^_?[a-z][a-z0-9_]*$/.test(name))
  if (named) return `names a field ${named}`
  const told = Object.keys(read.data).find((name) => unspeakable.test(name))
  if (told && read.data.event !== printed) return `has a field ${told}`
  if (secrets.some((secret) => secret.test(line))) return 'tells a secret'
  const said = quiet.find((text) => line.includes(text))
  return said === undefined ? null : `tells "${said}"`
}

import { askedSentence } from '#core/approval/ask'
import { type Api, call } from '../api/client.ts'
import { ApprovalView, listOf } from '../api/records.ts'
import { exit } from '../exit.ts'
import { plain } from '../harmless.ts'
import { printJson } from '../print.ts'
import type { Terminal } from '../terminal.ts'

export type ApprovalListOptions = { state: string; session?: string; limit?: number; cursor?: string }

/** What agents ask, newest first, each with the command that answers it while it is open. */
export async function listApprovals(
  terminal: Terminal,
  api: Api,
  options: ApprovalListOptions,
  json: boolean,
) {
  const { session, ...rest } = options
  const query = { ...rest, session_id: session }
  const { raw, value } = await call(api, listOf(ApprovalView), '/approvals', { query })
  if (json) printJson(terminal, raw)
  else if (value.items.length === 0) terminal.out(`no approvals that are ${plain(options.state)}\n`)
  else {
    for (const item of value.items) terminal.out(linesOf(item).join('\n').concat('\n'))
    if (value.next_cursor) terminal.out(`more: add --cursor ${plain(value.next_cursor)}\n`)
  }
  return exit.ok
}

/** An approval as lines: what is asked, by whom, since when and until when, and how to answer. */
export function linesOf(item: ApprovalView) {
  const { id, state, task_id, attempt, agent_id, created_at, deadline, answer } = item
  const options =
    item.kind === 'QUESTION'
      ? item.asked.questions.flatMap(({ options }) => options.map(({ label }) => `    - ${plain(label)}`))
      : []
  const reply = item.kind === 'QUESTION' ? 'reply --choose "…"' : 'allow_once'
  return [
    `${id} ${state}${answer ? ` (${answer.answer})` : ''} ${plain(askedSentence(item))}`,
    ...options,
    `  asked ${created_at} by ${agent_id}, task ${task_id} attempt ${attempt}; until ${deadline}`,
    ...(state === 'OPEN' ? [`  npx orchestrator approval answer ${id} ${reply}`] : []),
  ]
}

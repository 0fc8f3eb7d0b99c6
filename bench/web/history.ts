import { noUsage } from '#core/usage/usage'

/** A session's history that needs no memory: every event follows from its seq. */
const minute = 60_000
const taskEvery = 2_000
const errorEvery = 97

const pad = (n: number) => String(n).padStart(26, '0')
export const sessionId = `ses_${pad(1)}`
const agentId = `agt_${pad(1)}`
const taskId = (n: number) => `tsk_${pad(n + 1)}`
export const taskCount = 12

const began = Date.now() - 30 * minute
const at = (seq: number) => new Date(began + seq * 5).toISOString()

/** Most are one line of output, some in colour, some errors; now and then a task begins and ends, tokens are used. */
export function eventOf(seq: number) {
  const n = Math.floor(seq / taskEvery) % taskCount
  const of = { seq, session_id: sessionId, at: at(seq), task_id: taskId(n), agent_id: agentId }
  const step = seq % taskEvery
  if (seq <= taskCount)
    return { ...of, task_id: taskId(seq - 1), type: 'task.created', data: created(seq - 1) }
  if (step === 20) return { ...of, type: 'task.ready', data: { to: 'READY' } }
  if (step === 21) return { ...of, type: 'task.running', data: { to: 'RUNNING', attempt: 1 } }
  if (step === taskEvery - 1) return { ...of, type: 'task.completed', data: { to: 'COMPLETED', attempt: 1 } }
  if (seq % 250 === 0)
    return { ...of, type: 'usage.reported', data: { ...noUsage, input_tokens: 900, output_tokens: 80 } }
  return { ...of, type: 'log', data: logOf(seq) }
}

function created(n: number) {
  return { key: `part-${n}`, title: `Part ${n}`, state: 'BLOCKED', kind: 'WORK' }
}

function logOf(seq: number) {
  if (seq % errorEvery === 0) return { stream: 'stderr', text: `error: expected v2, got v1 (line ${seq})` }
  if (seq % 11 === 0)
    return { stream: 'thought', text: 'The handlers must agree on the contract before they are moved.' }
  if (seq % 7 === 0)
    return { stream: 'tool', tool: 'edit', status: 'completed', text: `src/billing/handlers/file${seq}.ts` }
  return {
    stream: 'stdout',
    text: `\u001b[32m✓\u001b[0m handlers/payout-${seq}.ts \u001b[2m(${seq % 40} tests)\u001b[0m ${seq % 900} ms`,
  }
}

/** The session, its tasks and its agent, as the API would answer them. */
export function recordsAt(last_seq: number) {
  const usage = { ...noUsage, input_tokens: last_seq * 4, output_tokens: last_seq }
  const times = { created_at: at(0), queued_at: at(0), started_at: at(1), ended_at: null }
  const common = { priority: 'MEDIUM', waiting: null, usage, result: null }
  const session = {
    ...{
      ...common,
      ...times,
      id: sessionId,
      title: 'A long run',
      prompt: 'Go on.',
      repository: null,
      plan: null,
    },
    ...{
      base_commit: null,
      base_artifact_id: null,
      labels: [],
      state: 'RUNNING',
      wake_at: null,
      settle_by: null,
    },
    budget: { tokens: null, cost_usd: null, seconds: null, tasks: null },
    approval_policy: { mode: 'auto', rules: [], grants: [], timeout_seconds: 60, default: 'deny' },
    ...{
      version: 1,
      last_seq,
      checkpoint_number: 0,
      rehearsal: true,
      attempts_finished: 3,
      attempts_succeeded: 3,
    },
    ...{ success_rate: 1, failure: null, parent: null, updated_at: at(last_seq), actions: ['pause', 'stop'] },
    tasks: { total: taskCount, completed: 0, running: 1, failed: 0 },
  }
  const tasks = Array.from({ length: taskCount }, (_, n) => ({
    ...{
      ...common,
      ...times,
      id: taskId(n),
      session_id: sessionId,
      parent_id: null,
      key: `part-${n}`,
      kind: 'WORK',
    },
    ...{
      title: `Part ${n}`,
      instruction: '',
      capability: 'TESTING',
      depends_on: [],
      checks: [],
      state: 'RUNNING',
    },
    ...{
      attempt: 1,
      failures: 0,
      losses: 0,
      agent_id: agentId,
      not_before: null,
      deadline: null,
      error: null,
    },
    ...{ checkpoint_number: null, actions: ['cancel'], ready_at: at(1) },
  }))
  return { session, tasks }
}

/** How many sessions the list has, and a page of them; the cursor is a place. */
export const sessionsListed = 10_000
export function sessionsAt(cursor: string | null, limit: number) {
  const from = Number(cursor ?? 0)
  const { session } = recordsAt(1_000)
  const count = Math.min(limit, sessionsListed - from)
  const items = Array.from({ length: count }, (_, i) => {
    const place = from + i
    return { ...session, id: `ses_${pad(place + 1)}`, title: `Session ${place + 1}` }
  })
  const next = from + count
  return { items, next_cursor: next < sessionsListed ? String(next) : null }
}

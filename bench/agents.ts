import { setTimeout as pause } from 'node:timers/promises'
import type { Worker } from '#core/actor'
import { ackInbox, readInbox } from '#core/agent/inbox'
import { registerAgent } from '#core/agent/register'
import { claimTask, completeWork } from '#core/task/work'
import type { Engine } from './engine.ts'
import { capabilities, handedIn } from './plan.ts'

export type AgentHooks = {
  /** Called once a task is claimed. */
  onClaim: (session_id: string, task_id: string) => void
  /** Called once a task was handed in. */
  onDone?: () => void
  onError: (error: unknown) => void
}

/** How long a poll waits for a ring. */
const pollMs = 20_000

/**
 * Agents without an engine: each offer is claimed, acked and handed in, by the verbs of the workers. `work_ms` is
 * how long each task is held; without it a task is handed in at once.
 */
export async function startAgents(
  { services, operator }: Engine,
  fleet: { agents: number; capacity: number; work_ms?: number },
  hooks: AgentHooks,
) {
  const over = new AbortController()

  async function work(worker: Worker, task_id: string, attempt: number) {
    const { task, session } = await claimTask(services, worker, task_id, attempt, true)
    hooks.onClaim(session.id, task_id)
    if (fleet.work_ms) await pause(fleet.work_ms)
    const branch = task.kind === 'INTEGRATION' ? { branch: `orchestrator/${session.id}` } : {}
    await completeWork(services, worker, task_id, { attempt, batch: 0, ...handedIn, ...branch })
    hooks.onDone?.()
  }

  async function serve(worker: Worker) {
    while (!over.signal.aborted) {
      const items = await readInbox(services, worker, pollMs, over.signal)
      for (const { kind, task_id, attempt } of items) {
        if (kind === 'OFFER' && task_id && attempt) work(worker, task_id, attempt).catch(hooks.onError)
      }
      // An item comes again until it is acked, so that the next look waits for the acks.
      await Promise.all(items.map(({ id }) => ackInbox(services, worker, id)))
    }
  }

  const workers: Worker[] = []
  for (let i = 0; i < fleet.agents; i++) {
    const { agent } = await registerAgent(services, operator, {
      name: `bench-${i}`,
      engine: { name: 'scripted', version: '1', model: 'none', rehearsal: true },
      capabilities,
      capacity: fleet.capacity,
      labels: [],
    })
    workers.push({ kind: 'agent', tenant_id: operator.tenant_id, agent_id: agent.id })
  }
  const serving = workers.map((worker) => serve(worker).catch(hooks.onError))
  return {
    async stop() {
      over.abort()
      await Promise.all(serving)
    },
  }
}

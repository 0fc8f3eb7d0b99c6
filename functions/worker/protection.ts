import { type Log, reasonOf } from './log.ts'

/** How long ECS keeps its hands off without being asked again, in minutes, and how often it is asked, in ms. */
const minutes = 30
const renewMs = 10 * 60_000
const deadlineMs = 2_000

export type Protection = {
  /** To be told often whether there is work; asks ECS when that changes, and from time to time. Never throws. */
  hold(busy: boolean): Promise<void>
}

/**
 * Keeps ECS from ending this container in favour of another while it has work. `agent_uri` is ECS's own address in
 * a container (ECS_AGENT_URI); elsewhere there is nobody to ask.
 */
export function taskProtection(agent_uri: string | undefined, log: Log, now = Date.now): Protection {
  let said: { busy: boolean; at: number } = { busy: false, at: 0 }
  async function ask(busy: boolean) {
    const body = busy ? { ProtectionEnabled: true, ExpiresInMinutes: minutes } : { ProtectionEnabled: false }
    const answer = await fetch(`${agent_uri}/task-protection/v1/state`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(deadlineMs),
    })
    if (!answer.ok) throw new Error(`ECS answered ${answer.status}`)
  }
  return {
    async hold(busy) {
      if (!agent_uri) return
      if (said.busy === busy && !(busy && now() - said.at >= renewMs)) return
      try {
        await ask(busy)
        said = { busy, at: now() }
      } catch (error) {
        // Without it a scaling in ends this worker: it then checkpoints and releases.
        log('protection_failed', { reason: reasonOf(error) }, 'warn')
      }
    },
  }
}

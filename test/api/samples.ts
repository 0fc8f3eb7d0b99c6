import * as z from 'zod'
import { goal, type openApi, plan, type Sent } from './open.ts'
import { Inbox, Session } from './shapes.ts'

export type Sample = {
  target: string
  sent?: Sent
  /** Another body that would do as well, where the operation takes one. */
  other?: unknown
}

type Opened = Pick<Awaited<ReturnType<typeof openApi>>, 'call' | 'plant' | 'letters'>

const api = '/api/v1'
const log = { type: 'log', at: new Date(0).toISOString(), data: { stream: 'text', text: 'x' } }
const ended = {
  ...{ attempt: 1, batch: 0, summary: 'Done.', commit: 'a'.repeat(40), base_commit: 'b'.repeat(40) },
  ...{ artifact_id: null, patch_artifact_id: null, diff: null },
}
const engine = { name: 'scripted', version: '1', model: 'none', rehearsal: true }
const Named = z.looseObject({ id: z.string() })

/**
 * For each operation of the API a request that does what it is for, on things made for it alone. A new
 * operation needs one here: then every convention is tested on it.
 */
export function makeSamples({ call, plant, letters }: Opened) {
  let count = 0
  const word = () => `sample-${++count}`

  async function made(body: object = {}) {
    return Session.parse((await call('POST', `${api}/sessions`, { body: { ...goal, ...body } })).json).id
  }

  async function agent() {
    const capability = `C_${++count}`
    return { capability, ...(await plant.register(word(), [capability], 4)) }
  }

  /** A session whose one task is offered to an agent of its own. */
  async function offered(more: object = {}) {
    const { capability, token, worker } = await agent()
    const tasks = [{ ...plan.tasks[0], capability }]
    const id = await made({ plan: { tasks }, start: true, ...more })
    await plant.settle()
    const inbox = await call('GET', `${api}/agents/${worker.agent_id}/inbox`, { token })
    const item = Inbox.parse(inbox.json).items.at(-1)
    return { id, token, agent_id: worker.agent_id, item: item?.id ?? '', task: item?.task_id ?? '' }
  }

  async function claimed(more: object = {}) {
    const offer = await offered(more)
    const { task, token } = offer
    await call('POST', `${api}/tasks/${task}/claim`, { body: { attempt: 1 }, token })
    return offer
  }

  const receiver = 'https://hooks.example.com/'
  const MadeHook = z.looseObject({ webhook: Named })

  async function webhook() {
    const answer = await call('POST', `${api}/webhooks`, { body: { url: receiver } })
    return MadeHook.parse(answer.json).webhook.id
  }

  /** One that was posted. */
  async function delivery() {
    const of = await webhook()
    const { id } = Named.parse((await call('POST', `${api}/webhooks/${of}/ping`)).json)
    const text = `update webhook_delivery set state = 'DELIVERED', ended_at = now() where id = $1`
    await plant.engine.query(null, { name: '', text, values: [id] })
    return { webhook: of, id }
  }

  function letter() {
    const { tenant_id } = plant.operator
    const id = word()
    const at = new Date(++count * 1_000).toISOString()
    const body = JSON.stringify({ kind: 'tenant', tenant_id })
    letters.push({ id, queue: 'steps', receives: 5, sent_at: at, body })
    return id
  }

  async function artifact() {
    const { task, token } = await claimed()
    const body = { task_id: task, attempt: 1, kind: 'patch', size: 1 }
    return Named.parse((await call('POST', `${api}/artifacts`, { body, token })).json).id
  }

  async function approval() {
    const { task, token } = await claimed({ approval_policy: { mode: 'ask' } })
    const ask = { engine_ref: 'r', kind: 'PERMISSION', asked: { tool: 'bash', patterns: ['ls'] } }
    const sent = { body: { attempt: 1, ...ask }, token }
    const asked = await call('POST', `${api}/tasks/${task}/approvals`, sent)
    return z.object({ approval_id: z.string() }).parse(asked.json).approval_id
  }

  async function key() {
    const body = { name: word(), scopes: ['sessions:read'] }
    const made = await call('POST', `${api}/keys`, { body })
    return z.object({ key: Named }).parse(made.json).key.id
  }

  async function entry() {
    const place = `${api}/contexts/GLOBAL/-/${word()}`
    await call('PUT', place, { body: { value: { style: 'tabs' } } })
    return place
  }

  async function in_state(state: 'PAUSED' | 'STOPPED') {
    const id = await made({ plan, start: true })
    await plant.settle()
    await call('POST', `${api}/sessions/${id}/${state === 'PAUSED' ? 'pause' : 'stop'}`)
    await plant.settle()
    return id
  }

  const plain = (target: string) => async (): Promise<Sample> => ({ target })
  const onSession =
    (path = '', sent?: Sent, other?: unknown) =>
    async (): Promise<Sample> => ({
      target: `${api}/sessions/${await made({ plan })}${path}`,
      ...(sent ? { sent } : {}),
      ...(other ? { other } : {}),
    })
  const byWorker =
    (path: string, body: object, from = claimed) =>
    async (): Promise<Sample> => {
      const { task, token } = await from()
      return { target: `${api}/tasks/${task}/${path}`, sent: { body: { attempt: 1, ...body }, token } }
    }

  return {
    create_session: async () => ({
      target: `${api}/sessions`,
      sent: { body: { ...goal, plan } },
      other: { ...goal, title: 'Another' },
    }),
    list_sessions: plain(`${api}/sessions?limit=3`),
    count_sessions: plain(`${api}/sessions/counts`),
    list_changes: plain(`${api}/sessions/changes?limit=3`),
    read_session: onSession(),
    diagnose_session: onSession('/diagnosis'),
    update_session: onSession('', { body: { title: 'New' } }),
    delete_session: onSession(),
    start_session: onSession('/start'),
    pause_session: async () => {
      const id = await made({ plan, start: true })
      await plant.settle()
      return { target: `${api}/sessions/${id}/pause` }
    },
    resume_session: async () => ({ target: `${api}/sessions/${await in_state('PAUSED')}/resume` }),
    stop_session: onSession('/stop'),
    retry_session: async () => ({ target: `${api}/sessions/${await in_state('STOPPED')}/retry` }),
    fork_session: onSession('/fork', { body: { title: 'Again' } }, { title: 'And again' }),
    send_message: onSession('/messages', { body: { text: 'Keep it short.' } }, { text: 'Shorter.' }),
    list_session_tasks: async () => {
      const id = await made({ plan, start: true })
      await plant.settle()
      return { target: `${api}/sessions/${id}/tasks` }
    },
    read_diff: onSession('/diff'),
    export_session: onSession('/export'),
    list_events: onSession('/events'),
    read_log: onSession('/log'),
    verify_history: onSession('/verify'),
    list_checkpoints: onSession('/checkpoints'),
    ask_checkpoint: onSession('/checkpoints'),
    read_checkpoint: onSession('/checkpoints/1'),
    list_tasks: plain(`${api}/tasks?limit=3`),
    list_task_trees: plain(`${api}/tasks/trees?limit=3`),
    read_task: async () => ({ target: `${api}/tasks/${(await offered()).task}` }),
    cancel_task: async () => ({ target: `${api}/tasks/${(await offered()).task}/cancel` }),
    retry_task: async () => {
      const { task } = await offered()
      await call('POST', `${api}/tasks/${task}/cancel`)
      await plant.settle()
      return { target: `${api}/tasks/${task}/retry` }
    },
    claim_task: byWorker('claim', {}, offered),
    decline_task: byWorker('decline', { reason: 'busy' }, offered),
    report_events: byWorker('events', { batch: 1, events: [log] }),
    checkpoint_task: byWorker('checkpoints', {
      ...{ trigger: 'PERIODIC', artifact_id: null, commit: null, engine: {}, size: 0 },
    }),
    add_subtasks: byWorker('subtasks', { tasks: [{ ...plan.tasks[0], key: 'below' }] }),
    complete_task: byWorker('complete', ended),
    fail_task: byWorker('fail', { batch: 0, code: 'check_failed', message: 'no', retryable: true }),
    release_task: byWorker('release', { batch: 0, reason: 'pause' }),
    request_approval: byWorker('approvals', {
      ...{ engine_ref: 'r', kind: 'PERMISSION', asked: { tool: 'bash', patterns: ['ls'] } },
    }),
    list_approvals: plain(`${api}/approvals?limit=3`),
    read_approval: async () => ({ target: `${api}/approvals/${await approval()}` }),
    answer_approval: async () => ({
      target: `${api}/approvals/${await approval()}`,
      sent: { body: { answer: 'deny' } },
      other: { answer: 'deny', text: 'No.' },
    }),
    register_agent: async () => ({
      target: `${api}/agents`,
      sent: { body: { name: word(), engine, capabilities: ['REGISTERED'], capacity: 1 } },
    }),
    list_agents: plain(`${api}/agents?limit=3`),
    read_agent: async () => ({ target: `${api}/agents/${(await agent()).agent.id}` }),
    remove_agent: async () => ({ target: `${api}/agents/${(await agent()).agent.id}` }),
    drain_agent: async () => ({ target: `${api}/agents/${(await agent()).agent.id}/drain` }),
    heartbeat: async () => {
      const { agent: of, token } = await agent()
      return { target: `${api}/agents/${of.id}/heartbeat`, sent: { body: { holding: [] }, token } }
    },
    read_inbox: async () => {
      const { agent_id, token } = await offered()
      return { target: `${api}/agents/${agent_id}/inbox`, sent: { token } }
    },
    ack_inbox: async () => {
      const { agent_id, item, token } = await offered()
      return { target: `${api}/agents/${agent_id}/inbox/${item}/ack`, sent: { token } }
    },
    create_artifact: async () => {
      const { task, token } = await claimed()
      const body = { task_id: task, attempt: 1, kind: 'patch', size: 1 }
      return { target: `${api}/artifacts`, sent: { body, token } }
    },
    read_artifact: async () => ({ target: `${api}/artifacts/${await artifact()}` }),
    list_context: plain(`${api}/contexts/GLOBAL/-?limit=3`),
    read_context: async () => ({ target: await entry() }),
    read_context_history: async () => ({ target: `${await entry()}/history` }),
    put_context: async () => ({ target: await entry(), sent: { body: { value: 1 } } }),
    patch_context: async () => ({ target: await entry(), sent: { body: { style: 'spaces' } } }),
    delete_context: async () => ({ target: await entry() }),
    create_key: async () => ({
      target: `${api}/keys`,
      sent: { body: { name: word(), scopes: ['sessions:read'] } },
    }),
    list_keys: plain(`${api}/keys?limit=3`),
    read_key: async () => ({ target: `${api}/keys/${await key()}` }),
    revoke_key: async () => ({ target: `${api}/keys/${await key()}` }),
    list_dead_letters: async () => {
      letter()
      return { target: `${api}/dead-letters?limit=3` }
    },
    redrive_dead_letter: async () => ({ target: `${api}/dead-letters/${letter()}/redrive` }),
    create_webhook: async () => ({ target: `${api}/webhooks`, sent: { body: { url: receiver } } }),
    list_webhooks: plain(`${api}/webhooks?limit=3`),
    read_webhook: async () => ({ target: `${api}/webhooks/${await webhook()}` }),
    update_webhook: async () => ({
      target: `${api}/webhooks/${await webhook()}`,
      sent: { body: { description: word() } },
    }),
    delete_webhook: async () => ({ target: `${api}/webhooks/${await webhook()}` }),
    rotate_webhook: async () => ({
      target: `${api}/webhooks/${await webhook()}/rotate`,
      sent: { body: { overlap_seconds: 60 } },
    }),
    ping_webhook: async () => ({ target: `${api}/webhooks/${await webhook()}/ping` }),
    list_deliveries: async () => ({
      target: `${api}/webhooks/${(await delivery()).webhook}/deliveries?limit=3`,
    }),
    redeliver: async () => {
      const { webhook, id } = await delivery()
      return { target: `${api}/webhooks/${webhook}/deliveries/${id}/redeliver` }
    },
    read_tenant: plain(`${api}/tenant`),
    update_tenant: async () => ({ target: `${api}/tenant`, sent: { body: { name: word() } } }),
    list_audit: plain(`${api}/audit?limit=3`),
    read_stats: plain(`${api}/stats`),
    read_history: plain(`${api}/stats/history`),
    list_capabilities: plain(`${api}/stats/capabilities`),
    list_needs: plain(`${api}/needs`),
    create_socket_ticket: plain(`${api}/socket-tickets`),
    health: plain('/health'),
    ready: plain('/ready'),
    metrics: plain('/metrics'),
  } satisfies Record<string, () => Promise<Sample>>
}

export type Samples = Record<string, () => Promise<Sample>>

import type { Worker } from '#core/actor'
import { draftOf } from '#core/change/draft'
import { notFound, OrchestratorError } from '#core/error'
import { type NewEvent, pageText } from '#core/event/event'
import { newId } from '#core/id'
import { channelOf } from '#core/live/channel'
import type { Services } from '#core/services'
import type { Reported } from './report.sql.ts'
import type { EventBatch, WorkCheckpoint } from './wire.ts'
import { staleAttempt } from './work.ts'

/** What a worker is to do after a batch. */
export type BatchAnswer = { last_batch: number; action: 'continue' | 'pause' | 'stop' }

/**
 * Appends a batch of a running task's log, and what it used. A batch that came before stores nothing and answers 200.
 * @throws stale_attempt; batch_gap with the number expected
 */
export async function reportEvents(
  services: Services,
  worker: Worker,
  id: string,
  body: EventBatch,
): Promise<BatchAnswer> {
  const { task, session } = await held(services, worker, id)
  const events: NewEvent[] = body.events.map((event) => ({
    ...event,
    task_id: id,
    agent_id: worker.agent_id,
  }))
  if (body.usage) {
    const at = new Date().toISOString()
    events.push({ at, type: 'usage.reported', task_id: id, agent_id: worker.agent_id, data: body.usage })
  }
  const reported = await services.report(worker.tenant_id, {
    session_id: session.id,
    task_id: id,
    agent_id: worker.agent_id,
    attempt: body.attempt,
    batch: body.batch,
    count: events.length,
    page: events.length > 0 ? pageText(events) : null,
    usage: body.usage ?? null,
    checkpoint: null,
  })
  if (reported === 'refused') return refusal(services, worker, id, body)
  const { tenant_id } = task
  const changed = [
    channelOf.session(tenant_id, session.id),
    ...(body.usage ? [channelOf.fleet(tenant_id)] : []),
  ]
  await Promise.all([
    events.length > 0 ? services.bells.ring(changed) : null,
    body.usage ? services.wake([{ kind: 'session', tenant_id, session_id: session.id }]) : null,
  ])
  return { last_batch: reported.last_batch, action: actionFor(reported) }
}

function actionFor({ state, over }: Reported): BatchAnswer['action'] {
  if (state === 'STOPPING') return 'stop'
  return over || state === 'PAUSING' ? 'pause' : 'continue'
}

async function held(services: Services, worker: Worker, id: string) {
  const known = await services.load.task(worker.tenant_id, id)
  const task = known?.tasks[0]
  if (!known || !task) throw notFound('task', id)
  return { task, session: draftOf(known).session }
}

/** Why a batch was refused: it came before (fine), one is missing, or the attempt is over. */
async function refusal(
  services: Services,
  worker: Worker,
  id: string,
  body: EventBatch,
): Promise<BatchAnswer> {
  const { task } = await held(services, worker, id)
  const isHolder = task.agent_id === worker.agent_id && task.attempt === body.attempt
  if (!isHolder || (task.state !== 'RUNNING' && task.state !== 'AWAITING_INPUT'))
    throw staleAttempt(task, body.attempt)
  if (body.batch <= task.last_batch) return { last_batch: task.last_batch, action: 'continue' }
  const expected = task.last_batch + 1
  throw new OrchestratorError('batch_gap', `Batch ${expected} is expected next, not ${body.batch}.`, {
    details: { expected, last_batch: task.last_batch },
  })
}

/** Records a snapshot of running work: from here it goes on when its agent is lost. @throws stale_attempt */
export async function checkpointWork(services: Services, worker: Worker, id: string, body: WorkCheckpoint) {
  const { session } = await held(services, worker, id)
  const { trigger, artifact_id, commit, engine, size, attempt } = body
  const event: NewEvent = {
    at: new Date().toISOString(),
    type: 'checkpoint.created',
    task_id: id,
    agent_id: worker.agent_id,
    data: { trigger, attempt, size, commit },
  }
  const reported = await services.report(worker.tenant_id, {
    session_id: session.id,
    task_id: id,
    agent_id: worker.agent_id,
    attempt,
    batch: null,
    count: 1,
    page: pageText([event]),
    usage: null,
    checkpoint: {
      id: newId('checkpoint'),
      trigger,
      artifact_id,
      size,
      work: JSON.stringify({ artifact_id, commit, engine }),
    },
  })
  if (reported === 'refused') {
    const { task } = await held(services, worker, id)
    throw staleAttempt(task, attempt)
  }
  await services.bells.ring([channelOf.session(worker.tenant_id, session.id)])
  return { number: reported.number }
}

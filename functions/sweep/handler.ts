import type { Context } from 'aws-lambda'
import { openDatabase } from '#core/database/database'
import { readDemand } from '#core/fleet/demand'
import { foldCounted } from '#core/fleet/facts'
import { collectArtifacts } from '#core/retention/collect'
import { prune } from '#core/retention/retention'
import { sweep } from '#core/sweep/sweep'
import { config } from '../config.ts'
import { logger } from '../log.ts'
import { underRequest } from '../request.ts'
import { sqsWakes } from '../wakes.ts'
import { embedded } from './metrics.ts'
import { removerOf } from './remover.ts'

function open() {
  const { database_url, queue_steps_url, metrics_stage, retention, ...rest } = config()
  const log = logger('sweep')
  const database = openDatabase({ url: database_url, role: 'engine', max: 1 })
  const removeBelow = removerOf(rest.artifact_store_url, rest.artifact_secret)
  return {
    database,
    log,
    metrics_stage,
    retention,
    removeBelow,
    wakes: sqsWakes({ queue_url: queue_steps_url, log }),
  }
}

let opened: ReturnType<typeof open> | undefined

/** Runs on the schedule: wakes what is overdue, says how many tasks want an agent, and lets go of what is past its time. */
export function handler(_event: unknown, { awsRequestId }: Pick<Context, 'awsRequestId'>) {
  return underRequest(awsRequestId, run)
}

async function run() {
  opened ??= open()
  const { database, log, metrics_stage, retention, removeBelow, wakes } = opened
  const swept = await sweep({ database, wake: wakes.send })
  const demand = await readDemand(database)
  await foldCounted(database)
  const said = metrics_stage === undefined ? demand : embedded(metrics_stage, demand, Date.now())
  log.info('sweep_completed', { ...swept, ...said })
  const gone = await prune(database, retention)
  const collected = await collectArtifacts(database, removeBelow)
  if (collected + Object.values(gone).reduce((sum, n) => sum + n, 0) > 0)
    log.info('retention_applied', { ...gone, artifacts_of: collected })
  return swept
}

export async function close() {
  const last = opened
  opened = undefined
  last?.wakes.close()
  await last?.database.end()
}

import { openDatabase } from '#core/database/database'
import { sweep } from '#core/sweep/sweep'
import { config } from '../config.ts'
import { logger } from '../log.ts'
import { sqsWakes } from '../wakes.ts'

function open() {
  const { database_url, queue_steps_url } = config()
  const log = logger('sweep')
  const database = openDatabase({ url: database_url, role: 'engine', max: 1 })
  return { database, log, wakes: sqsWakes({ queue_url: queue_steps_url, log }) }
}

let opened: ReturnType<typeof open> | undefined

/** Runs on the schedule: wakes what is overdue. */
export async function handler() {
  opened ??= open()
  const { database, log, wakes } = opened
  const swept = await sweep({ database, wake: wakes.send })
  log.info('sweep_completed', swept)
  return swept
}

export async function close() {
  const last = opened
  opened = undefined
  last?.wakes.close()
  await last?.database.end()
}

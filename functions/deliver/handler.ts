import type { Context } from 'aws-lambda'
import { openDatabase } from '#core/database/database'
import { deliver } from '#core/webhook/deliver'
import { config } from '../config.ts'
import { logger } from '../log.ts'
import { underRequest } from '../request.ts'
import { poster } from './post.ts'

/** It looks for so long, and a post takes no longer than its deadline: together less than a minute, its schedule. */
const window_ms = 45_000
const deadline_ms = 10_000

function open() {
  const { database_url, database_pool, webhook_reach } = config()
  const database = openDatabase({ url: database_url, role: 'engine', max: database_pool })
  const post = poster({ reach: webhook_reach, deadline_ms })
  return { database, post, log: logger('deliver'), closing: new AbortController() }
}

let opened: ReturnType<typeof open> | undefined

/** Runs on the schedule: posts to webhooks what is due, and stays while more is to be expected. */
export function handler(_event: unknown, { awsRequestId }: Pick<Context, 'awsRequestId'>) {
  return underRequest(awsRequestId, run)
}

async function run() {
  opened ??= open()
  const { database, post, log, closing } = opened
  const options = { window_ms, every_ms: 1_000, signal: closing.signal }
  const counts = await deliver({ database, post }, options)
  if (Object.values(counts).some((n) => n > 0)) log.info('webhooks_delivered', counts)
  return counts
}

export async function close() {
  const last = opened
  opened = undefined
  last?.closing.abort()
  await last?.database.end()
}

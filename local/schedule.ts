import { randomUUID } from 'node:crypto'
import type { ScheduledEvent } from 'aws-lambda'
import type { Invoke } from './invoke.ts'
import { type Log, reasonOf } from './log.ts'
import { within } from './wait.ts'

export type ScheduleOptions = {
  name: string
  everyMs: number
  invoke: Invoke
  region: string
  log: Log
  /** How long `stop` waits for a run in flight. */
  graceMs?: number
}

export type Schedule = { stop: () => Promise<void> }

const makeEvent = (name: string, region: string): ScheduledEvent => ({
  version: '0',
  id: randomUUID(),
  'detail-type': 'Scheduled Event',
  source: 'aws.events',
  account: '000000000000',
  time: new Date().toISOString(),
  region,
  resources: [`arn:aws:events:${region}:000000000000:rule/${name}`],
  detail: {},
})

/** Runs a function at once and then on every interval, with an EventBridge event. Never twice at a time. */
export const startSchedule = (options: ScheduleOptions): Schedule => {
  const { name, everyMs, invoke, region, log, graceMs = 5_000 } = options
  let running: Promise<void> | null = null

  const run = async (): Promise<void> => {
    try {
      await invoke(makeEvent(name, region))
    } catch (error) {
      log('error', 'schedule_failed', { schedule: name, reason: reasonOf(error) })
    } finally {
      running = null
    }
  }
  const tick = (): void => {
    running ??= run()
  }

  tick()
  const timer = setInterval(tick, everyMs)
  return {
    stop: async () => {
      clearInterval(timer)
      if (running !== null) await within(`schedule ${name}`, graceMs, running).catch(() => {})
    },
  }
}

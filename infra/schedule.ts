/// <reference path="../.sst/platform/config.d.ts" />
import { schedules } from './wiring.ts'

type Scheduled = Record<(typeof schedules)[keyof typeof schedules]['function'], sst.aws.Function>

/** What runs by the minute. A run that failed is not repeated: the next one does what it left. */
export function makeSchedules(functions: Scheduled) {
  for (const [name, wiring] of Object.entries(schedules)) {
    const minutes = wiring.every_seconds / 60
    new sst.aws.CronV2(`${name[0]?.toUpperCase()}${name.slice(1)}Schedule`, {
      function: functions[wiring.function].arn,
      schedule: minutes === 1 ? 'rate(1 minute)' : `rate(${minutes} minutes)`,
      retries: 0,
    })
  }
}

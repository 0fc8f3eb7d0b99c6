/// <reference path="../.sst/platform/config.d.ts" />
import { schedules } from './wiring.ts'

/** The sweep, by the minute. A run that failed is not repeated: the next one does what it left. */
export function makeSchedule(sweep: sst.aws.Function) {
  const minutes = schedules.sweep.every_seconds / 60
  return new sst.aws.CronV2('SweepSchedule', {
    function: sweep.arn,
    schedule: minutes === 1 ? 'rate(1 minute)' : `rate(${minutes} minutes)`,
    retries: 0,
  })
}

import type { Demand } from '#core/fleet/demand'

/** Where CloudWatch files them; infra/metrics.ts has the same names, and infra:check holds both equal. */
export const namespace = 'Orchestrator'

/** Fields by which CloudWatch reads metrics out of a log line (its embedded metric format); no call is made. */
export function embedded(stage: string, demand: Demand, now: number) {
  const Metrics = Object.keys(demand).map((Name) => ({ Name, Unit: 'Count' }))
  return {
    stage,
    ...demand,
    _aws: {
      Timestamp: now,
      CloudWatchMetrics: [{ Namespace: namespace, Dimensions: [['stage']], Metrics }],
    },
  }
}

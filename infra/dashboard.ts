/// <reference path="../.sst/platform/config.d.ts" />
import type { makeDatabase } from './database.ts'
import { metrics } from './metrics.ts'
import type { MadeQueue } from './queues.ts'

type Parts = {
  queues: Record<'steps' | 'broadcast', MadeQueue>
  database: ReturnType<typeof makeDatabase>
  http: sst.aws.ApiGatewayV2
  functions: Record<'api' | 'step' | 'socket' | 'broadcast' | 'sweep' | 'deliver', sst.aws.Function>
}

type Metric = [namespace: string, name: string, ...dimensions: string[]]

/** One page of CloudWatch: what waits, what fails, how long it takes. The product's own page shows the rest. */
export function makeDashboard({ queues, database, http, functions }: Parts) {
  const region = aws.getRegionOutput().region
  const names = $resolve({
    region,
    steps: queues.steps.queue.name,
    broadcast: queues.broadcast.queue.name,
    stepsDead: queues.steps.dead.name,
    broadcastDead: queues.broadcast.dead.name,
    database: database.identifier,
    api: http.nodes.api.id,
    functions: $resolve(Object.values(functions).map(({ name }) => name)),
  })
  return new aws.cloudwatch.Dashboard('Overview', {
    dashboardName: `${$app.name}-${$app.stage}`,
    dashboardBody: names.apply((of) => {
      const lambda = (metric: string): Metric[] =>
        of.functions.map((name) => ['AWS/Lambda', metric, 'FunctionName', name])
      const sqs = (metric: string, ...queues: string[]): Metric[] =>
        queues.map((name) => ['AWS/SQS', metric, 'QueueName', name])
      const postgres = (metric: string): Metric => ['AWS/RDS', metric, database.dimension, of.database]
      const own = (metric: string): Metric => [metrics.namespace, metric, 'stage', $app.stage]
      const charts: [title: string, stat: string, shown: Metric[]][] = [
        ['Tasks', 'Maximum', [own(metrics.tasks_waiting), own(metrics.tasks_in_need)]],
        [
          'Age of the oldest message, s',
          'Maximum',
          sqs('ApproximateAgeOfOldestMessage', of.steps, of.broadcast),
        ],
        [
          'Dead letters',
          'Maximum',
          sqs('ApproximateNumberOfMessagesVisible', of.stepsDead, of.broadcastDead),
        ],
        [
          'API: requests and failures',
          'Sum',
          ['Count', '4xx', '5xx'].map((name) => ['AWS/ApiGateway', name, 'ApiId', of.api]),
        ],
        ['API: latency, ms', 'p95', [['AWS/ApiGateway', 'Latency', 'ApiId', of.api]]],
        ['Functions: errors', 'Sum', lambda('Errors')],
        ['Functions: duration, ms', 'p95', lambda('Duration')],
        ['Postgres: connections', 'Maximum', [postgres('DatabaseConnections')]],
        ['Postgres: CPU, %', 'Average', [postgres('CPUUtilization')]],
      ]
      return JSON.stringify({
        widgets: charts.map(([title, stat, shown], i) => ({
          type: 'metric',
          width: 8,
          height: 6,
          x: (i % 3) * 8,
          y: Math.floor(i / 3) * 6,
          properties: { title, stat, metrics: shown, period: 60, region: of.region, view: 'timeSeries' },
        })),
      })
    }),
  })
}

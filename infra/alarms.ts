/// <reference path="../.sst/platform/config.d.ts" />
import type { makeDatabase } from './database.ts'
import type { Stores } from './permissions.ts'
import type { QueueName } from './queues.ts'
import type { StageSettings } from './stage.ts'

type Parts = Pick<Stores, 'queues'> & {
  settings: StageSettings
  database: ReturnType<typeof makeDatabase>
  http: sst.aws.ApiGatewayV2
  functions: { api: sst.aws.Function; step: sst.aws.Function; sweep: sst.aws.Function }
}

type Rule = {
  /** Its section in docs/runbooks.md. */
  name: string
  says: string
  namespace: string
  metric: string
  dimensions: Record<string, $util.Input<string>>
  statistic: 'Sum' | 'Maximum' | 'Average'
  minutes: number
  over?: number
  under?: number
  /** Silence is bad news too. */
  missing?: 'breaching'
}

/** Mail goes to ALARM_EMAIL of the shell that deploys, once its owner has confirmed the subscription. */
export function makeAlarms(parts: Parts) {
  const topic = new aws.sns.Topic('Alarms')
  const email = process.env.ALARM_EMAIL
  if (email)
    new aws.sns.TopicSubscription('AlarmEmail', { topic: topic.arn, protocol: 'email', endpoint: email })
  for (const rule of rulesOf(parts)) {
    new aws.cloudwatch.MetricAlarm(rule.name, {
      alarmDescription: `${rule.says} See docs/runbooks.md#${rule.name.toLowerCase()}`,
      namespace: rule.namespace,
      metricName: rule.metric,
      dimensions: rule.dimensions,
      statistic: rule.statistic,
      period: 60,
      evaluationPeriods: rule.minutes,
      threshold: rule.over ?? rule.under ?? 0,
      comparisonOperator: rule.under === undefined ? 'GreaterThanThreshold' : 'LessThanThreshold',
      treatMissingData: rule.missing ?? 'notBreaching',
      alarmActions: [topic.arn],
      okActions: [topic.arn],
    })
  }
  return topic
}

function rulesOf({ queues, settings, database, http, functions }: Parts): Rule[] {
  const dead = (queue: QueueName, name: string): Rule => ({
    name,
    says: `Messages of the ${queue} queue were given up.`,
    namespace: 'AWS/SQS',
    metric: 'ApproximateNumberOfMessagesVisible',
    dimensions: { QueueName: queues[queue].dead.name },
    statistic: 'Maximum',
    minutes: 1,
    over: 0,
  })
  const late = (queue: QueueName, name: string, seconds: number): Rule => ({
    name,
    says: `A message of the ${queue} queue has waited for more than ${seconds} s.`,
    namespace: 'AWS/SQS',
    metric: 'ApproximateAgeOfOldestMessage',
    dimensions: { QueueName: queues[queue].queue.name },
    statistic: 'Maximum',
    minutes: 3,
    over: seconds,
  })
  const lambda = (
    of: sst.aws.Function,
    name: string,
    metric: string,
    rule: Omit<Rule, 'name' | 'namespace' | 'metric' | 'dimensions' | 'statistic'>,
  ): Rule => ({
    name,
    namespace: 'AWS/Lambda',
    metric,
    dimensions: { FunctionName: of.name },
    statistic: 'Sum',
    ...rule,
  })
  const postgres = (name: string, metric: string, rule: Pick<Rule, 'says' | 'over' | 'under'>): Rule => ({
    name,
    namespace: 'AWS/RDS',
    metric,
    dimensions: { [database.dimension]: database.identifier },
    statistic: 'Maximum',
    minutes: 5,
    ...rule,
  })
  const most = Math.floor(settings.max_connections * 0.8)
  return [
    dead('steps', 'StepsDead'),
    dead('broadcast', 'BroadcastDead'),
    late('steps', 'StepsLate', 60),
    {
      name: 'ApiFails',
      says: 'The API answers with 5xx.',
      namespace: 'AWS/ApiGateway',
      metric: '5xx',
      dimensions: { ApiId: http.nodes.api.id },
      statistic: 'Sum',
      minutes: 3,
      over: 5,
    },
    lambda(functions.api, 'ApiThrottled', 'Throttles', {
      says: 'The api has no instance free.',
      minutes: 3,
      over: 0,
    }),
    lambda(functions.step, 'StepFails', 'Errors', { says: 'The step function fails.', minutes: 3, over: 2 }),
    lambda(functions.sweep, 'SweepFails', 'Errors', { says: 'The sweep fails.', minutes: 3, over: 0 }),
    lambda(functions.sweep, 'SweepSilent', 'Invocations', {
      says: 'The sweep does not run.',
      minutes: 5,
      under: 1,
      missing: 'breaching',
    }),
    postgres('PostgresConnections', 'DatabaseConnections', {
      says: `More than ${most} of ${settings.max_connections} connections are taken.`,
      over: most,
    }),
    settings.aurora
      ? postgres('PostgresBusy', 'CPUUtilization', { says: 'The database is busy.', over: 90 })
      : postgres('PostgresFull', 'FreeStorageSpace', {
          says: 'The disk of the database has less than 2 GB left.',
          under: 2_000_000_000,
        }),
  ]
}

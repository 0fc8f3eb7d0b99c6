import { settingsOf } from '../stage.ts'
import { functions, queues, schedules } from '../wiring.ts'
import type { Graph } from './graph.ts'
import { allowances, hoursAMonth, logGb, perHour, perMillion, perMonth } from './prices.ts'
import { at, lambdaOf, list, ofType, one } from './read.ts'

/** `free`: how much of the quantity every account has without paying. */
export type Line = { what: string; quantity: number; unit: string; price: number; free?: number }

export const costOf = ({ quantity, price }: Line) => quantity * price
export const chargeOf = ({ quantity, price, free = 0 }: Line) => Math.max(0, quantity - free) * price
export const total = (lines: Line[], of: (line: Line) => number) =>
  lines.reduce((sum, line) => sum + of(line), 0)

const minutes = hoursAMonth * 60
/** Lambda asks a queue with five pollers, each call waiting up to 20 s; most calls find nothing. */
const pollsAMonth = (hoursAMonth * 3_600 * 5) / 20
/** Of a sweep or a look for webhooks that finds nothing, in s. */
const sweepSeconds = 0.2
/** Root volume of the NAT instance, which the program leaves to fck-nat's image: Amazon Linux 2023, minimal. */
const natVolumeGb = 2
/** Images of workers, counted generously. */
const imageGb = 1

const hours = (what: string, kind: string, count: number): Line => ({
  what,
  quantity: count * hoursAMonth,
  unit: 'hours',
  price: perHour[kind] ?? Number.NaN,
})

/** Every resource type that costs nothing while nothing happens. */
const freeTypes =
  /^(sst:|pulumi|random:|command:|docker-build:|aws:(iam|ssm|appautoscaling|autoscaling|apigateway|apigatewayv2|lambda|cloudfront|dynamodb|s3|sns|ecs)\/|aws:ec2\/(vpc|subnet|internetGateway|route|routeTable|routeTableAssociation|defaultSecurityGroup|securityGroup|networkInterface|launchTemplate|vpcEndpoint):|aws:(rds|elasticache)\/(subnetGroup|parameterGroup|clusterParameterGroup):|aws:cloudwatch\/logGroup:|aws:rds\/cluster:)/
const counted = [
  'aws:rds/instance:Instance',
  'aws:rds/clusterInstance:ClusterInstance',
  'aws:elasticache/replicationGroup:ReplicationGroup',
  'aws:ec2/natGateway:NatGateway',
  'aws:ec2/eip:Eip',
  'aws:sqs/queue:Queue',
  'aws:scheduler/schedule:Schedule',
  'aws:cloudwatch/metricAlarm:MetricAlarm',
  'aws:cloudwatch/dashboard:Dashboard',
]

/** What a stage costs a month while nobody uses it. @throws when a type of resource is neither counted nor free */
export function idle(graph: Graph): Line[] {
  const unknown = graph.resources.find(({ type }) => !freeTypes.test(type) && !counted.includes(type))
  if (unknown) throw new Error(`What does ${unknown.type} cost? Tell infra/check/costs.ts`)
  const redis = one(graph, 'aws:elasticache/replicationGroup:ReplicationGroup', 'Redis')
  const nodes = Number(redis.numCacheClusters)
  const alarms = ofType(graph, 'aws:cloudwatch/metricAlarm:MetricAlarm').length
  const scheduledMb = Object.values(schedules).map((of) => Number(lambdaOf(graph, of.function).memorySize))
  const scheduledGb = scheduledMb.reduce((sum, mb) => sum + mb, 0) / 1_024
  return [
    ...databaseLines(graph),
    hours(`Valkey, ${nodes} × ${redis.nodeType}`, String(redis.nodeType), nodes),
    ...natLines(graph),
    {
      what: 'alarms',
      quantity: alarms,
      unit: 'alarms',
      price: perMonth.alarm,
      free: allowances.alarms,
    },
    {
      what: 'metrics of our own',
      quantity: 2,
      unit: 'metrics',
      price: perMonth.metric,
      free: allowances.metrics,
    },
    {
      what: 'dashboard',
      quantity: ofType(graph, 'aws:cloudwatch/dashboard:Dashboard').length,
      unit: 'dashboards',
      price: perMonth.dashboard,
      free: allowances.dashboards,
    },
    {
      what: 'asking the queues',
      quantity: (pollsAMonth * Object.keys(queues).length) / 1e6,
      unit: 'million requests',
      price: perMillion.sqs_requests,
      free: allowances.sqs_requests / 1e6,
    },
    {
      what: 'the schedules',
      quantity: (minutes * Object.keys(schedules).length) / 1e6,
      unit: 'million calls',
      price: perMillion.schedules,
      free: allowances.schedules / 1e6,
    },
    {
      what: 'sweeps and looks for webhooks, calls',
      quantity: (minutes * Object.keys(schedules).length) / 1e6,
      unit: 'million calls',
      price: perMillion.lambda_requests,
      free: allowances.lambda_requests / 1e6,
    },
    {
      what: 'sweeps and looks for webhooks, time',
      quantity: (minutes * sweepSeconds * scheduledGb) / 1e6,
      unit: 'million GB-seconds',
      price: perMillion.lambda_gb_seconds,
      free: allowances.lambda_gb_seconds / 1e6,
    },
    {
      what: 'logs of sweeps',
      quantity: (minutes * 1_000) / 1e9,
      unit: 'GB',
      price: logGb,
      free: allowances.log_gb,
    },
    { what: "workers' image", quantity: imageGb, unit: 'GB', price: perMonth.ecr_gb },
  ]
}

function databaseLines(graph: Graph): Line[] {
  const writers = ofType(graph, 'aws:rds/clusterInstance:ClusterInstance').length
  if (writers > 0) {
    const { min } = settingsOf(graph.stage).capacity
    return [
      {
        ...hours('', 'aurora_capacity_unit', writers * min),
        what: `Aurora, ${writers} × ${min} ACU`,
        unit: 'ACU-hours',
      },
      { what: "Aurora's storage", quantity: 10, unit: 'GB', price: perMonth.aurora_gb },
    ]
  }
  const { instanceClass, allocatedStorage } = one(graph, 'aws:rds/instance:Instance', 'Database')
  return [
    hours(`Postgres, ${instanceClass}`, String(instanceClass), 1),
    {
      what: "Postgres's storage",
      quantity: Number(allocatedStorage),
      unit: 'GB',
      price: perMonth.rds_gp3_gb,
    },
  ]
}

function natLines(graph: Graph): Line[] {
  const gateways = ofType(graph, 'aws:ec2/natGateway:NatGateway').length
  if (gateways > 0)
    return [
      hours(`NAT gateways, ${gateways}`, 'nat_gateway', gateways),
      hours('their addresses', 'public_ipv4', gateways),
    ]
  const template = one(graph, 'aws:ec2/launchTemplate:LaunchTemplate', 'NatTemplate')
  const open = list(template.networkInterfaces).filter(
    (of) => at(of, 'associatePublicIpAddress') === 'true',
  ).length
  return [
    hours(`NAT, ${template.instanceType} (spot is less)`, String(template.instanceType), 1),
    hours('its address', 'public_ipv4', open),
    { what: 'its volume', quantity: natVolumeGb, unit: 'GB', price: perMonth.ebs_gp3_gb },
  ]
}

/**
 * What one session made of calls, as counted from the log of a rehearsal on one machine: 6 tasks, 191 events, 41 s,
 * no heartbeats. A step or broadcast takes 0.1 s and a request 0.06 s of a function's time.
 */
export const measured = {
  tasks: 6,
  events: 191,
  requests: 99,
  steps: 8,
  event_batches: 42,
  artifacts: 26,
  log_lines: 150,
}
const requestSeconds = 0.06
const batchSeconds = 0.1

/** What 1,000 sessions of so many events cost, each with one viewer, without tokens and workers. */
export function variable(events: number, sessions = 1_000): Line[] {
  const each = (sessions * events) / measured.events / 1e6
  const requests = measured.requests * each
  const wakes = (measured.steps + measured.event_batches) * each
  const gb = (name: keyof typeof functions) => functions[name].memory_mb / 1_024
  const time =
    requests * requestSeconds * gb('api') +
    measured.steps * each * batchSeconds * gb('step') +
    measured.event_batches * each * batchSeconds * gb('broadcast')
  const million = (what: string, quantity: number, price: number): Line => ({
    what,
    quantity,
    unit: 'million',
    price,
  })
  return [
    million('HTTP requests', requests, perMillion.http_requests),
    million('calls of functions', requests + wakes, perMillion.lambda_requests),
    million('GB-seconds of functions', time, perMillion.lambda_gb_seconds),
    // Sent, received and deleted.
    million('SQS requests', wakes * 3, perMillion.sqs_requests),
    million('frames to the viewer', measured.event_batches * each, perMillion.socket_messages),
    million('DynamoDB reads', measured.event_batches * each, perMillion.dynamodb_reads),
    million('DynamoDB writes', measured.steps * each, perMillion.dynamodb_writes),
    million('S3 uploads', measured.artifacts * each, perMillion.s3_puts),
    {
      what: 'logs, 400 bytes a line and request',
      quantity: ((measured.log_lines + measured.requests) * each * 1e6 * 400) / 1e9,
      unit: 'GB',
      price: logGb,
    },
  ]
}

import { readConfig } from '../../functions/config.ts'
import { settingsOf } from '../stage.ts'
import {
  type FunctionWiring,
  functions,
  http,
  type InstanceBounds,
  queues,
  schedules,
  socket,
  tables,
} from '../wiring.ts'
import type { Graph } from './graph.ts'
import {
  allowed,
  at,
  differences,
  json,
  lambdaOf,
  list,
  ofType,
  one,
  texts,
  titleOf,
  variablesOf,
} from './read.ts'

/** What must hold of every stage: answers what does not, one line each. */
export type Rule = (graph: Graph) => string[]

const names = Object.entries<FunctionWiring & InstanceBounds>(functions)
const arnOf = (graph: Graph, name: string) =>
  `arn:aws:lambda:us-east-1:123456789012:function:${lambdaOf(graph, name).name}`
const privateSubnets = ['Private1-id', 'Private2-id']

/** Functions are what the wiring says, which `local/` runs too. */
const functionsAsWired: Rule = (graph) => {
  const made = ofType(graph, 'aws:lambda/function:Function').length
  return [
    ...(made === names.length ? [] : [`${made} functions are made, the wiring has ${names.length}`]),
    ...names.flatMap(([name, wiring]) =>
      differences(name, lambdaOf(graph, name), {
        handler: wiring.handler,
        runtime: 'nodejs24.x',
        'architectures.0': 'arm64',
        timeout: wiring.timeout_seconds,
        memorySize: wiring.memory_mb,
        'loggingConfig.logFormat': 'JSON',
        'vpcConfig.subnetIds': privateSubnets,
        'vpcConfig.securityGroupIds': ['FunctionsGroup-id'],
        ...(wiring.reserved === null ? {} : { reservedConcurrentExecutions: wiring.reserved }),
      }),
    ),
  ]
}

/** Every function can read its environment: it would fail at its first event otherwise. */
const environmentsComplete: Rule = (graph) =>
  names.flatMap(([name]) => {
    if (name === 'migrate') return []
    try {
      readConfig(variablesOf(graph, name))
      return []
    } catch (error) {
      return [`${name}: ${error instanceof Error ? error.message.replaceAll('\n', ' ') : String(error)}`]
    }
  })

/** A function connects with its own role's login, over TLS that checks who answers. */
const databaseLogins: Rule = (graph) =>
  names.flatMap(([name]) => {
    const url = new URL(variablesOf(graph, name).DATABASE_URL ?? 'none:')
    const wanted = {
      migrate: 'orchestrator',
      step: 'orchestrator_engine_login',
      sweep: 'orchestrator_engine_login',
      deliver: 'orchestrator_engine_login',
    }
    const login = Object.entries(wanted).find(([of]) => of === name)?.[1] ?? 'orchestrator_app_login'
    return differences(
      `${name}'s database`,
      Object.fromEntries([['user', url.username], ...url.searchParams]),
      {
        user: login,
        sslmode: 'verify-full',
      },
    )
  })

const queuesAsWired: Rule = (graph) =>
  Object.entries(queues).flatMap(([name, wiring]) => {
    const queue = one(graph, 'aws:sqs/queue:Queue', `${titleOf(name)}Queue`)
    const dead = one(graph, 'aws:sqs/queue:Queue', `${titleOf(name)}Dead`)
    const timeout = Number(lambdaOf(graph, wiring.consumer).timeout)
    return [
      ...differences(`queue ${name}`, queue, {
        visibilityTimeoutSeconds: wiring.visibility_seconds,
        sqsManagedSseEnabled: true,
      }),
      ...(Number(queue.visibilityTimeoutSeconds) >= 6 * timeout
        ? []
        : [`queue ${name}: visibility is less than six times its consumer's ${timeout} s`]),
      ...differences(`queue ${name}'s redrive`, json(queue.redrivePolicy), {
        deadLetterTargetArn: `arn:aws:sqs:us-east-1:123456789012:${titleOf(name)}Dead`,
        maxReceiveCount: wiring.max_receives,
      }),
      ...differences(`dead letters of ${name}`, dead, {
        messageRetentionSeconds: 14 * 24 * 3600,
        sqsManagedSseEnabled: true,
      }),
    ]
  })

const sourcesAsWired: Rule = (graph) =>
  Object.entries(queues).flatMap(([name, wiring]) =>
    differences(
      `source ${name}`,
      one(graph, 'aws:lambda/eventSourceMapping:EventSourceMapping', `${titleOf(name)}Source`),
      {
        eventSourceArn: `arn:aws:sqs:us-east-1:123456789012:${titleOf(name)}Queue`,
        functionName: arnOf(graph, wiring.consumer),
        batchSize: wiring.batch_size,
        maximumBatchingWindowInSeconds: wiring.window_seconds,
        functionResponseTypes: ['ReportBatchItemFailures'],
        'scalingConfig.maximumConcurrency': wiring.max_concurrency,
      },
    ),
  )

/** Instances that there may be at once: by reservation, by their queue, or one. */
function instancesOf(graph: Graph, name: string) {
  const reserved = lambdaOf(graph, name).reservedConcurrentExecutions
  if (typeof reserved === 'number') return reserved
  const queue = Object.entries(queues).find(([, { consumer }]) => consumer === name)?.[0]
  if (!queue) return name === 'migrate' ? 1 : Number.POSITIVE_INFINITY
  const source = one(graph, 'aws:lambda/eventSourceMapping:EventSourceMapping', `${titleOf(queue)}Source`)
  return Number(at(source, 'scalingConfig.maximumConcurrency') ?? Number.POSITIVE_INFINITY)
}

/** Kept for the provider's own sessions and a person's. */
const spareConnections = 10

/** All functions at their most fit into what the database is told to accept. */
const connectionsFit: Rule = (graph) => {
  const group = graph.resources.find(({ name }) => name === 'DatabaseParameters')?.inputs
  const parameter = list(group?.parameters).find((of) => at(of, 'name') === 'max_connections')
  const accepted = Number(at(parameter, 'value'))
  const taken = names.reduce(
    (sum, [name]) => sum + instancesOf(graph, name) * Number(variablesOf(graph, name).DATABASE_POOL),
    0,
  )
  return taken + spareConnections <= accepted
    ? []
    : [`functions may take ${taken} connections, of ${accepted} that the database accepts`]
}

const routesAsWired: Rule = (graph) => {
  const routes = ofType(graph, 'aws:apigatewayv2/route:Route')
  const targets = new Map(
    ofType(graph, 'aws:apigatewayv2/integration:Integration').map(({ name, inputs }) => [
      `integrations/${name}-id`,
      inputs.integrationUri,
    ]),
  )
  const wanted: [api: string, key: string, of: string][] = [
    ['HttpApi-id', '$default', http.function],
    ...socket.routes.map((key): [string, string, string] => ['SocketApi-id', key, socket.function]),
  ]
  return [
    ...(routes.length === wanted.length ? [] : [`${routes.length} routes are made, not ${wanted.length}`]),
    ...wanted.flatMap(([api, key, of]) => {
      const route = routes.find(({ inputs }) => inputs.apiId === api && inputs.routeKey === key)
      const target = targets.get(String(route?.inputs.target))
      return String(target).includes(arnOf(graph, of))
        ? []
        : [`route ${key} of ${api} leads to ${target}, not to ${of}`]
    }),
  ]
}

const schedulesAsWired: Rule = (graph) =>
  Object.entries(schedules).flatMap(([name, plan]) =>
    differences(
      `the schedule ${name}`,
      one(graph, 'aws:scheduler/schedule:Schedule', `${titleOf(name)}ScheduleSchedule`),
      {
        scheduleExpression: plan.every_seconds === 60 ? 'rate(1 minute)' : 'another',
        state: 'ENABLED',
        'target.arn': arnOf(graph, plan.function),
      },
    ),
  )

const tablesAsWired: Rule = (graph) =>
  Object.entries(tables).flatMap(([name, plan]) =>
    differences(`table ${name}`, one(graph, 'aws:dynamodb/table:Table', `${titleOf(name)}Table`), {
      hashKey: plan.partition_key,
      ...(plan.sort_key === null ? {} : { rangeKey: plan.sort_key }),
      billingMode: 'PAY_PER_REQUEST',
      'ttl.attributeName': plan.ttl,
      'ttl.enabled': true,
    }),
  )

/** What a call of the SDK needs, where the names differ. */
const actionOf: Record<string, string | null> = {
  'sqs:SendMessageBatch': 'sqs:SendMessage',
  'apigatewaymanagementapi:PostToConnection': 'execute-api:ManageConnections',
  'apigatewaymanagementapi:DeleteConnection': 'execute-api:ManageConnections',
  // The client's own, never made: it is for endpoints that are found out.
  'dynamodb:DescribeEndpoints': null,
  's3:CreateSession': null,
  's3:ListObjectsV2': 's3:ListBucket',
  's3:DeleteObjects': 's3:DeleteObject',
}
const consuming = [
  'sqs:ReceiveMessage',
  'sqs:DeleteMessage',
  'sqs:ChangeMessageVisibility',
  'sqs:GetQueueAttributes',
]

/** Code that is in a bundle and that the function never comes to: the api issues tickets, the socket redeems them. */
const unreached: Record<string, string[]> = { api: ['dynamodb:DeleteItem'] }

/** A role allows the calls that are in the function's code, and no other; each on resources that it names. */
const leastPrivilege: Rule = (graph) =>
  names.flatMap(([name]) => {
    const role = one(graph, 'aws:iam/role:Role', `${titleOf(name)}FunctionRole`)
    const granted = allowed(role)
    const calls = graph.bundles[`${titleOf(name)}Function`]?.sdk ?? []
    const needed = new Set(calls.flatMap((call) => (call in actionOf ? (actionOf[call] ?? []) : call)))
    if (Object.values(queues).some(({ consumer }) => consumer === name))
      for (const of of consuming) needed.add(of)
    const given = new Set(granted.flatMap(({ actions }) => actions))
    return [
      ...[...given]
        .filter((action) => !needed.has(action))
        .map((action) => `${name} may ${action}, which its code never calls`),
      ...[...needed]
        .filter((action) => !given.has(action) && !unreached[name]?.includes(action))
        .map((action) => `${name} calls ${action}, which it may not`),
    ]
  })

/** No role of ours allows everything of a service or everything there is, or may be taken by people. */
const noWildcards: Rule = (graph) =>
  ofType(graph, 'aws:iam/role:Role').flatMap(({ name, inputs }) => {
    const wide = allowed(inputs).flatMap(({ actions, resources }) => [
      ...actions.filter((action) => action.includes('*')).map((action) => `role ${name} allows ${action}`),
      ...resources
        .filter((resource) => resource === '*')
        .map(() => `role ${name} allows ${actions} on everything`),
    ])
    const trust = JSON.stringify(inputs.assumeRolePolicy)
    return trust.includes(':root') ? [...wide, `role ${name} may be taken by the account's people`] : wide
  })

const databaseKept: Rule = (graph) => {
  const { aurora, production, max_connections } = settingsOf(graph.stage)
  const found = aurora
    ? one(graph, 'aws:rds/cluster:Cluster', 'Database')
    : one(graph, 'aws:rds/instance:Instance', 'Database')
  const open = graph.resources.filter(({ inputs }) => inputs.publiclyAccessible === true)
  const parameters = graph.resources.find(({ name }) => name === 'DatabaseParameters')?.inputs.parameters
  const values = Object.fromEntries(list(parameters).map((of) => [String(at(of, 'name')), at(of, 'value')]))
  return [
    ...differences('database', found, {
      storageEncrypted: true,
      vpcSecurityGroupIds: ['DatabaseGroup-id'],
      ...(production
        ? { deletionProtection: true, skipFinalSnapshot: false }
        : { publiclyAccessible: false }),
    }),
    ...(Number(found.backupRetentionPeriod) >= 7 ? [] : ['database: backups are kept for less than 7 days']),
    ...differences(
      'database parameters',
      { force_ssl: values['rds.force_ssl'], most: values.max_connections },
      {
        force_ssl: '1',
        most: String(max_connections),
      },
    ),
    ...open.map(({ name }) => `${name} can be reached from outside`),
  ]
}

const redisKept: Rule = (graph) => {
  const redis = one(graph, 'aws:elasticache/replicationGroup:ReplicationGroup', 'Redis')
  return [
    ...differences('redis', redis, {
      atRestEncryptionEnabled: true,
      transitEncryptionEnabled: true,
      transitEncryptionMode: 'required',
      securityGroupIds: ['RedisGroup-id'],
    }),
    ...(redis.authToken ? [] : ['redis: nobody has to say who they are']),
  ]
}

/** Nothing listens to the world; the stores listen to functions alone. */
const groupsClosed: Rule = (graph) =>
  [
    ...ofType(graph, 'aws:ec2/securityGroup:SecurityGroup'),
    ...ofType(graph, 'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup'),
  ].flatMap(({ name, inputs }) =>
    list(inputs.ingress).flatMap((rule) =>
      JSON.stringify(texts(at(rule, 'securityGroups'))) === '["FunctionsGroup-id"]' &&
      list(at(rule, 'cidrBlocks')).length === 0
        ? []
        : [`group ${name} lets in more than functions`],
    ),
  )

const natCheap: Rule = (graph) => {
  const managed = ofType(graph, 'aws:ec2/natGateway:NatGateway').length
  const wanted = settingsOf(graph.stage).managed_nat ? 2 : 0
  return managed === wanted ? [] : [`${managed} managed NAT gateways, not ${wanted}`]
}

const bucketsClosed: Rule = (graph) => {
  const closed = ofType(graph, 'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock')
  return ofType(graph, 'aws:s3/bucket:Bucket').flatMap(({ name, inputs }) => {
    const block = closed.find((of) => of.inputs.bucket === inputs.bucket)
    const policy = ofType(graph, 'aws:s3/bucketPolicy:BucketPolicy').find(
      (of) => of.inputs.bucket === inputs.bucket,
    )
    const https = JSON.stringify(policy?.inputs.policy ?? '').includes('aws:SecureTransport')
    return [
      ...differences(`bucket ${name}`, block?.inputs, {
        blockPublicAcls: true,
        blockPublicPolicy: true,
        restrictPublicBuckets: true,
      }),
      ...(https ? [] : [`bucket ${name} answers without TLS`]),
    ]
  })
}

const logsEnd: Rule = (graph) =>
  ofType(graph, 'aws:cloudwatch/logGroup:LogGroup')
    .filter(({ inputs }) => inputs.retentionInDays !== settingsOf(graph.stage).log_days)
    .map(({ name }) => `log ${name} is not kept for ${settingsOf(graph.stage).log_days} days`)

/** What a person is told of. Each has a section in docs/runbooks.md. */
export const alarms = [
  'StepsDead',
  'BroadcastDead',
  'StepsLate',
  'ApiFails',
  'ApiThrottled',
  'StepFails',
  'SweepFails',
  'SweepSilent',
  'PostgresConnections',
] as const

const alarmsTell: Rule = (graph) => {
  const made = ofType(graph, 'aws:cloudwatch/metricAlarm:MetricAlarm')
  return alarms.flatMap((name) => {
    const alarm = made.find((found) => found.name === name)
    if (!alarm) return [`there is no alarm ${name}`]
    const lost = Object.entries(Object(alarm.inputs.dimensions)).filter(([, value]) => !value)
    return [
      ...lost.map(([key]) => `alarm ${name} is about no ${key}`),
      ...(texts(alarm.inputs.alarmActions).length === 1 ? [] : [`alarm ${name} tells nobody`]),
    ]
  })
}

const workersScale: Rule = (graph) => {
  const service = one(graph, 'aws:ecs/service:Service', 'WorkerService')
  const container = list(
    json(one(graph, 'aws:ecs/taskDefinition:TaskDefinition', 'WorkerTask').containerDefinitions),
  )[0]
  return [
    ...differences('worker', service, {
      desiredCount: 0,
      enableExecuteCommand: false,
      'networkConfiguration.securityGroups': ['WorkersGroup-id'],
    }),
    ...differences('worker container', container, { stopTimeout: 120, portMappings: undefined }),
    ...differences(
      'worker scaling',
      one(graph, 'aws:appautoscaling/target:Target', 'WorkerAutoScalingTarget'),
      { minCapacity: 0 },
    ),
    ...texts(list(at(container, 'environment')).map((of) => at(of, 'name')))
      .filter((name) => /KEY|SECRET|TOKEN|PASSWORD/.test(name))
      .map((name) => `worker: ${name} is in its plain environment`),
  ]
}

const siteGuarded: Rule = (graph) => {
  const headers = one(graph, 'aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy', 'SiteHeaders')
  const policy = String(at(headers, 'securityHeadersConfig.contentSecurityPolicy.contentSecurityPolicy'))
  const site = one(graph, 'aws:cloudfront/distribution:Distribution', 'SiteCdnDistribution')
  return [
    ...differences('site', site, {
      'defaultCacheBehavior.responseHeadersPolicyId': 'SiteHeaders-id',
      'defaultCacheBehavior.viewerProtocolPolicy': 'redirect-to-https',
    }),
    ...(policy.startsWith("default-src 'none'") && /connect-src 'self' https:\S+ wss:\S+;/.test(policy)
      ? []
      : [`site: its policy is ${policy}`]),
  ]
}

/** The tables are there before anything that reads them changes. */
const migratedFirst: Rule = (graph) =>
  ofType(graph, 'aws:lambda/function:Function')
    .filter(
      ({ name, dependencies }) => name !== 'MigrateFunctionFunction' && !dependencies.includes('Migration'),
    )
    .map(({ name }) => `${name} changes before the migration has run`)

/** By name, so that a failure says which. */
export const rules = {
  functionsAsWired,
  environmentsComplete,
  databaseLogins,
  queuesAsWired,
  sourcesAsWired,
  connectionsFit,
  routesAsWired,
  schedulesAsWired,
  tablesAsWired,
  leastPrivilege,
  noWildcards,
  databaseKept,
  redisKept,
  groupsClosed,
  natCheap,
  bucketsClosed,
  logsEnd,
  alarmsTell,
  workersScale,
  siteGuarded,
  migratedFirst,
} satisfies Record<string, Rule>

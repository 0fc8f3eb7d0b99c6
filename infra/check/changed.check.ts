import { afterAll, beforeAll, expect, test } from 'vitest'
import { changedCheckout, type Edit, evaluateStage } from './checkout.ts'
import type { Graph } from './graph.ts'
import { rules } from './rules.ts'

/** One mistake for each rule, all in one checkout: the program runs, and every rule finds its own. */
const mistakes: (Edit & { rule: keyof typeof rules; says: string })[] = [
  {
    rule: 'functionsAsWired',
    file: 'infra/functions.ts',
    from: "architecture: 'arm64'",
    to: "architecture: 'x86_64'",
    says: 'api: architectures.0 is "x86_64"',
  },
  {
    rule: 'environmentsComplete',
    file: 'infra/functions.ts',
    from: 'TABLE_TICKETS: tables.tickets.name',
    to: 'TABLE_TICKET: tables.tickets.name',
    says: 'TABLE_TICKETS',
  },
  {
    rule: 'databaseLogins',
    file: 'infra/functions.ts',
    from: "make('api', 'app'",
    to: "make('api', 'owner'",
    says: 'user is "orchestrator", not "orchestrator_app_login"',
  },
  {
    rule: 'queuesAsWired',
    file: 'infra/queues.ts',
    from: 'visibilityTimeoutSeconds: wiring.visibility_seconds',
    to: 'visibilityTimeoutSeconds: 30',
    says: 'less than six times',
  },
  {
    rule: 'sourcesAsWired',
    file: 'infra/queues.ts',
    from: "['ReportBatchItemFailures']",
    to: '[]',
    says: 'functionResponseTypes',
  },
  {
    rule: 'connectionsFit',
    file: 'infra/functions.ts',
    from: 'String(Math.max(1, wiring.connections))',
    to: "'4'",
    says: 'of 100 that the database accepts',
  },
  {
    rule: 'routesAsWired',
    file: 'infra/apis.ts',
    from: "http.route('$default', functions.api.arn)",
    to: "http.route('$default', functions.socket.arn)",
    says: 'not to api',
  },
  {
    rule: 'schedulesAsWired',
    file: 'infra/schedule.ts',
    from: "'rate(1 minute)'",
    to: "'rate(2 minutes)'",
    says: 'rate(2 minutes)',
  },
  {
    rule: 'tablesAsWired',
    file: 'infra/tables.ts',
    from: '    ttl,\n',
    to: '',
    says: 'ttl.attributeName',
  },
  {
    rule: 'leastPrivilege',
    file: 'infra/permissions.ts',
    from: "allow(['s3:ListBucket'], artifacts.arn)",
    to: "allow(['s3:ListBucket'], artifacts.arn), allow(['sqs:PurgeQueue'], queues.steps.queue.arn)",
    says: 'sweep may sqs:PurgeQueue',
  },
  {
    rule: 'noWildcards',
    file: 'infra/permissions.ts',
    from: "allow(['dynamodb:GetItem', 'dynamodb:PutItem'], tables.tickets.arn)",
    to: "allow(['dynamodb:*'], tables.tickets.arn)",
    says: 'allows dynamodb:*',
  },
  {
    rule: 'databaseKept',
    file: 'infra/database.ts',
    from: 'publiclyAccessible: false',
    to: 'publiclyAccessible: true',
    says: 'can be reached from outside',
  },
  {
    rule: 'redisKept',
    file: 'infra/redis.ts',
    from: 'transitEncryptionEnabled: true',
    to: 'transitEncryptionEnabled: false',
    says: 'transitEncryptionEnabled',
  },
  {
    rule: 'groupsClosed',
    file: 'infra/network.ts',
    from: 'toPort: port, securityGroups: [functions.id]',
    to: "toPort: port, cidrBlocks: ['0.0.0.0/0']",
    says: 'lets in more than functions',
  },
  {
    rule: 'natCheap',
    file: 'infra/network.ts',
    from: 'if (settings.managed_nat)',
    to: 'if (true)',
    says: '2 managed NAT gateways',
  },
  {
    rule: 'bucketsClosed',
    file: 'infra/artifacts.ts',
    from: 'enforceHttps: true',
    to: 'enforceHttps: false',
    says: 'answers without TLS',
  },
  {
    rule: 'logsEnd',
    file: 'infra/apis.ts',
    from: "'1 month'",
    to: "'forever'",
    says: 'is not kept for 30 days',
  },
  {
    rule: 'alarmsTell',
    file: 'infra/alarms.ts',
    from: "dead('broadcast', 'BroadcastDead'),",
    to: '',
    says: 'there is no alarm BroadcastDead',
  },
  {
    rule: 'workersScale',
    file: 'infra/worker.ts',
    from: 'args.enableExecuteCommand = false',
    to: 'args.enableExecuteCommand = true',
    says: 'enableExecuteCommand',
  },
  {
    rule: 'siteGuarded',
    file: 'infra/site.ts',
    from: 'responseHeadersPolicyId: policy.id,',
    to: '',
    says: 'responseHeadersPolicyId',
  },
  {
    rule: 'migratedFirst',
    file: 'infra/functions.ts',
    from: '$resolve([database.urls[role], parts.migrated]).apply(([url]) => url)',
    to: 'database.urls[role]',
    says: 'changes before the migration has run',
  },
]

const changed = changedCheckout(mistakes)
const graphs: Graph[] = []

beforeAll(async () => {
  graphs.push(await evaluateStage('dev', { root: changed.root }))
})
afterAll(changed.remove)

test('there is a mistake for each rule', () => {
  expect(mistakes.map(({ rule }) => rule)).toEqual(Object.keys(rules))
})

test.each(mistakes)('$rule is found broken: $to', ({ rule, says }) => {
  const [graph] = graphs
  expect(graph && rules[rule](graph).join('\n')).toContain(says)
})

/// <reference path="../.sst/platform/config.d.ts" />
import type { MadeQueue, QueueName } from './queues.ts'
import type { TableName } from './tables.ts'
import type { functions } from './wiring.ts'

export type FunctionName = keyof typeof functions

export type Stores = {
  queues: Record<QueueName, MadeQueue>
  tables: Record<TableName, sst.aws.Dynamo>
  artifacts: sst.aws.Bucket
  socket: sst.aws.ApiGatewayWebSocket
}

const allow = (actions: string[], ...resources: $util.Input<string>[]) => ({ actions, resources })

/** What each function may call: what its code calls, by name, on its own resources. */
export function permissionsOf({ queues, tables, artifacts, socket }: Stores) {
  const send = (...names: QueueName[]) =>
    allow(['sqs:SendMessage'], ...names.map((name) => queues[name].queue.arn))
  const receive = (name: QueueName) =>
    allow(
      ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
      queues[name].queue.arn,
    )
  const post = allow(
    ['execute-api:ManageConnections'],
    $interpolate`${socket.nodes.api.executionArn}/*/*/@connections/*`,
  )
  const viewers = [
    allow(
      ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:UpdateItem'],
      tables.connections.arn,
    ),
    allow(
      [
        'dynamodb:PutItem',
        'dynamodb:DeleteItem',
        'dynamodb:UpdateItem',
        'dynamodb:BatchWriteItem',
        'dynamodb:Query',
      ],
      tables.subscriptions.arn,
    ),
  ]
  return {
    api: [
      send('steps', 'broadcast'),
      allow(
        ['sqs:GetQueueAttributes'],
        ...[queues.steps, queues.broadcast].flatMap(({ queue, dead }) => [queue.arn, dead.arn]),
      ),
      allow(
        ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'],
        queues.steps.dead.arn,
        queues.broadcast.dead.arn,
      ),
      allow(['dynamodb:GetItem', 'dynamodb:PutItem'], tables.tickets.arn),
      allow(['s3:GetObject', 's3:PutObject'], $interpolate`${artifacts.arn}/*`),
    ],
    step: [send('steps', 'broadcast'), receive('steps')],
    socket: [send('broadcast'), post, ...viewers, allow(['dynamodb:DeleteItem'], tables.tickets.arn)],
    broadcast: [send('broadcast'), receive('broadcast'), post, ...viewers],
    sweep: [
      send('steps'),
      allow(['s3:ListBucket'], artifacts.arn),
      allow(['s3:DeleteObject'], $interpolate`${artifacts.arn}/*`),
    ],
    deliver: [],
    migrate: [],
  } satisfies Record<FunctionName, ReturnType<typeof allow>[]>
}

/// <reference path="../.sst/platform/config.d.ts" />
import { type tables as names, tables } from './wiring.ts'

export type TableName = keyof typeof names

function makeTable(title: string, plan: { partition_key: string; sort_key: string | null; ttl: string }) {
  const { partition_key, sort_key, ttl } = plan
  return new sst.aws.Dynamo(title, {
    fields: { [partition_key]: 'string', ...(sort_key === null ? {} : { [sort_key]: 'string' }) },
    primaryIndex: { hashKey: partition_key, ...(sort_key === null ? {} : { rangeKey: sort_key }) },
    ttl,
    // Who watches what is worth nothing a minute later.
    transform: { table: { pointInTimeRecovery: { enabled: false } } },
  })
}

/** The tables of the wiring, paid by request. */
export function makeTables(): Record<TableName, sst.aws.Dynamo> {
  return {
    tickets: makeTable('Tickets', tables.tickets),
    connections: makeTable('Connections', tables.connections),
    subscriptions: makeTable('Subscriptions', tables.subscriptions),
  }
}

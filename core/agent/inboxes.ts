import type { Database, Statement } from '#core/database/database'
import { gatherByTenant } from '#core/database/gather'
import type { InboxItem } from './wire.ts'

/** Items of one answer; they repeat until they are acked. */
const pageSize = 100

export type Inbox = {
  read(tenant_id: string, agent_id: string): Promise<InboxItem[]>
  ack(tenant_id: string, item: { agent_id: string; id: string }): Promise<boolean>
}

/** Looks of one tenant's agents share a statement, and so do their acks. */
export function inboxes(database: Database): Inbox {
  return {
    read: gatherByTenant<string, InboxItem[]>({
      async run(tenant_id, agent_ids) {
        const rows = await database.query<InboxItem & { agent_id: string }>(tenant_id, readInboxes(agent_ids))
        const byAgent = new Map<string, InboxItem[]>(agent_ids.map((id) => [id, []]))
        for (const { agent_id, ...item } of rows) byAgent.get(agent_id)?.push(item)
        return agent_ids.map((id) => byAgent.get(id) ?? [])
      },
      key: (agent_id) => agent_id,
      max: 100,
    }),
    ack: gatherByTenant<{ agent_id: string; id: string }, boolean>({
      async run(tenant_id, items) {
        await database.query(tenant_id, ackItems(items))
        return items.map(() => true)
      },
      key: ({ id }) => id,
      max: 500,
    }),
  }
}

function readInboxes(agent_ids: string[]): Statement {
  return {
    name: 'read_inboxes',
    text: /* sql */ `
      select i.* from unnest($1::text[]) as a(id) cross join lateral (
        select agent_id, id, kind, task_id, attempt, data, created_at from inbox
        where agent_id = a.id order by id limit ${pageSize}
      ) i`,
    values: [agent_ids],
  }
}

function ackItems(items: { agent_id: string; id: string }[]): Statement {
  return {
    name: 'ack_items',
    text: /* sql */ `
      delete from inbox i using unnest($1::text[], $2::text[]) as a(id, agent_id)
      where i.id = a.id and i.agent_id = a.agent_id`,
    values: [items.map(({ id }) => id), items.map(({ agent_id }) => agent_id)],
  }
}

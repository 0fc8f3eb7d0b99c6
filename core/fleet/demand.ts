import type { Database } from '#core/database/database'

/** Agents with this label are started and ended by the cloud; others are their owners' to run. */
export const elasticLabel = 'elastic'

export type Demand = {
  /** Tasks that could run and nobody holds. */
  tasks_waiting: number
  /** These and what elastic agents hold: what elastic agents are needed for. */
  tasks_in_need: number
}

/** Across tenants; indexes: task_ready, task_held. */
const demandSql = /* sql */ `
  select waiting::int as tasks_waiting, (waiting + held)::int as tasks_in_need
  from (select count(*) as waiting from task where state = 'READY') w,
       (select count(*) as held from task t join agent a on a.id = t.agent_id
        where t.state in ('ASSIGNED', 'RUNNING', 'AWAITING_INPUT') and $1 = any(a.labels)) h`

/** How many tasks want an agent now, in all of the fleet. */
export async function readDemand(database: Database): Promise<Demand> {
  const [row] = await database.query<Demand>(null, {
    name: 'read_demand',
    text: demandSql,
    values: [elasticLabel],
  })
  if (!row) throw new Error('The demand answered no row.')
  return row
}

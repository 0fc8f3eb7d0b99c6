import type { Database, Statement } from '#core/database/database'
import { gatherByTenant } from '#core/database/gather'
import { type Beginner, inputsOf, type Piece } from './inputs.ts'
import type { Assignment } from './wire.ts'

type Ask = Beginner & { task_id: string; session_id: string }
type Found = Pick<Assignment, 'inputs' | 'messages'> & { prompt: string }
type Row = Pick<Found, 'prompt' | 'messages'> & { task_id: string; pieces: Piece[] }

export type Assigner = (tenant_id: string, ask: Ask) => Promise<Found | 'none'>

/** Looks for what claimed tasks start from; those of one tenant share a statement. */
export function assigner(database: Database): Assigner {
  return gatherByTenant<Ask, Found | 'none'>({
    async run(tenant_id, asks) {
      const rows = await database.query<Row>(tenant_id, loadAssignments(asks))
      const found = new Map(rows.map((row) => [row.task_id, row]))
      return asks.map((ask) => {
        const row = found.get(ask.task_id)
        if (!row) return 'none'
        return { prompt: row.prompt, messages: row.messages, inputs: inputsOf(row.pieces, ask) }
      })
    },
    key: ({ task_id }) => task_id,
    max: 200,
  })
}

/**
 * The session's prompt, its last messages, and the tasks whose commits one may start from; none for one that needs
 * none. Indexes: session_pkey, task_session_id_key_key, message_session.
 */
function loadAssignments(asks: Ask[]): Statement {
  const rows = asks.map(({ task_id, session_id, parent_id, depends_on, every_leaf }) => {
    const begins_from = every_leaf || parent_id !== null || depends_on.length > 0
    return { task_id, session_id, begins_from, every_leaf, parent_id, depends_on }
  })
  return {
    name: 'load_assignments',
    text: /* sql */ `
      select a.task_id, s.prompt, coalesce(p.pieces, '[]') as pieces, coalesce(m.messages, '[]') as messages
      from json_to_recordset($1::json) as a(
        task_id text, session_id text, begins_from boolean, every_leaf boolean, parent_id text, depends_on text[])
      -- offset 0: by the key, whatever the planner thinks of a table it knows little of.
      cross join lateral (select prompt from session where id = a.session_id offset 0) s
      cross join lateral (
        select json_agg(json_build_array(t.id, t.key, t.parent_id, t.depends_on, t.state = 'COMPLETED',
                                         t.result->>'commit', t.result->>'artifact_id') order by t.started_at, t.id) as pieces
        from (select * from task where session_id = a.session_id and a.begins_from offset 0) t
        where t.kind in ('WORK', 'MERGE')
          -- Others neither are what it begins from nor lie below that.
          and (a.every_leaf or t.parent_id is not null or t.id = a.parent_id or t.key = any(a.depends_on))
      ) p
      cross join lateral (
        select json_agg(json_build_object('id', said.id, 'text', said.text) order by said.id) as messages
        from (select id, text from message where session_id = a.session_id order by id desc limit 50) said
      ) m`,
    values: [JSON.stringify(rows)],
  }
}

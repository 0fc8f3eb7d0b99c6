import type { Statement } from '#core/database/database'

/** A session with its first page and checkpoint, in one statement. */
export function insertSession(row: Record<string, unknown>, page: string, checkpoint_id: string): Statement {
  return {
    name: 'insert_session',
    text: /* sql */ `
      with made as (
        insert into session (tenant_id, id, title, prompt, priority, repository, plan, budget, labels, approval_policy,
                             state, usage, wake_at, last_seq, head_hash, checkpoint_number, queued_at)
        select tenant_id, id, title, prompt, priority, repository, plan, budget, labels, approval_policy,
               state, usage, case when state = 'QUEUED' then now() end, $2::bigint,
               sha256(convert_to('1' || chr(10) || $3::text, 'UTF8')), 1,
               case when state = 'QUEUED' then now() end
        from json_to_record($1::json) as r(
          tenant_id text, id text, title text, prompt text, priority priority, repository json, plan json,
          budget json, labels text[], approval_policy json, state text, usage json)
        returning tenant_id, id, state, usage, head_hash
      ),
      paged as (
        insert into event_page (tenant_id, session_id, first_seq, last_seq, hash, page)
        select tenant_id, id, 1, $2::bigint, head_hash, $3::text from made
      )
      insert into checkpoint (tenant_id, session_id, number, id, trigger, seq, changed, size)
      select tenant_id, id, 1, $4::text, 'TRANSITION', $2::bigint,
             json_build_object('session', json_build_object('state', state, 'usage', usage), 'tasks', json_build_array()), 0
      from made`,
    values: [JSON.stringify(row), eventsIn(page), page, checkpoint_id],
  }
}

function eventsIn(page: string) {
  const events: unknown[] = JSON.parse(page)
  return events.length
}

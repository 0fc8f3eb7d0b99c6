-- What the fleet did in all of its life, where the rows alone do not say it any more: what sessions that have ended
-- used, how often each outcome came, what was undone or deleted. Rows are only added; the sweep adds them together.
-- The triggers see what stored it, whichever statement that was, and cost a commit that ends nothing a comparison.
create table counted (
  tenant_id text not null references tenant,
  id bigint generated always as identity primary key,
  fact text not null,
  label text not null,
  n numeric not null
);
alter table counted enable row level security;
grant select, insert, delete on counted to orchestrator_engine;
create policy engine on counted to orchestrator_engine using (true) with check (true);

-- Whoever moves a session may count it, and do nothing else with the table.
create function count_session() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
  -- Of a session that has ended the use stands here; of any other in its row.
  used json := case when tg_op = 'UPDATE' and new.state in ('COMPLETED', 'FAILED', 'STOPPED') then new.usage else old.usage end;
  sign int := case when tg_op = 'UPDATE' and old.state in ('COMPLETED', 'FAILED', 'STOPPED') then -1 else 1 end;
begin
  insert into counted (tenant_id, fact, label, n)
  select old.tenant_id, 'usage', key, sign * value::numeric from json_each_text(used) where value::numeric <> 0;
  if tg_op = 'UPDATE' and sign = 1 then
    insert into counted (tenant_id, fact, label, n) values (new.tenant_id, 'session_outcomes', new.state, 1);
  end if;
  return null;
end $$;
create trigger count_end after update of state on session for each row
  when ((old.state in ('COMPLETED', 'FAILED', 'STOPPED')) <> (new.state in ('COMPLETED', 'FAILED', 'STOPPED')))
  execute function count_session();
create trigger count_gone after delete on session for each row
  when (old.state not in ('COMPLETED', 'FAILED', 'STOPPED')) execute function count_session();

-- A task that has ended is counted by its row. One that is revived or deleted was counted and stays so; one that
-- came ended with a fork was counted where it ended.
create function count_task() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    insert into counted (tenant_id, fact, label, n) values (new.tenant_id, 'task_ends', new.state, -1);
  elsif tg_op = 'DELETE' or old.state in ('COMPLETED', 'FAILED', 'CANCELLED') then
    insert into counted (tenant_id, fact, label, n) values (old.tenant_id, 'task_ends', old.state, 1);
  elsif new.losses > old.losses then
    insert into counted (tenant_id, fact, label, n) values (new.tenant_id, 'recoveries', 'agent_lost', 1);
  else
    insert into counted (tenant_id, fact, label, n) values (new.tenant_id, 'recoveries', 'attempt_failed', 1);
  end if;
  return null;
end $$;
create trigger count_copied after insert on task for each row
  when (new.state in ('COMPLETED', 'FAILED', 'CANCELLED')) execute function count_task();
create trigger count_gone after delete on task for each row
  when (old.state in ('COMPLETED', 'FAILED', 'CANCELLED')) execute function count_task();
create trigger count_revived after update of state on task for each row
  when (old.state in ('COMPLETED', 'FAILED', 'CANCELLED') and new.state <> old.state) execute function count_task();
create trigger count_recovered after update of state on task for each row
  when ((new.losses > old.losses or new.failures > old.failures) and new.state not in ('FAILED', 'CANCELLED'))
  execute function count_task();

create function count_step_error() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into counted (tenant_id, fact, label, n) values (new.tenant_id, 'recoveries', 'step_failed', 1);
  return null;
end $$;
create trigger count_step_error after update of step_errors on session for each row
  when (new.step_errors > old.step_errors) execute function count_step_error();

-- What was before.
insert into counted (tenant_id, fact, label, n)
select tenant_id, 'usage', key, sum(value::numeric) from session cross join json_each_text(usage)
where state in ('COMPLETED', 'FAILED', 'STOPPED') group by tenant_id, key having sum(value::numeric) <> 0
union all
select tenant_id, 'session_outcomes', to_state, count(*) from session_change
where to_state in ('COMPLETED', 'FAILED', 'STOPPED') group by tenant_id, to_state
union all
select tenant_id, 'recoveries', 'agent_lost', sum(losses) from task where losses > 0 group by tenant_id
union all
select tenant_id, 'recoveries', 'attempt_failed', sum(failures) from task where failures > 0 group by tenant_id;

-- The whole fleet in one look, and so at one moment: sums alone, no row of any tenant, which is why the api's role may
-- read it. Indexes: session_state, task_list, session_live, task_turn.
create view fleet_fact as
select 'sessions' as fact, state as label, '' as detail, count(*)::float8 as n from session group by state
union all select 'tasks', state, '', count(*) from task group by state
union all select 'agents', state, recent, count(*) from agent group by state, recent
union all select 'slots', 'capacity', '', coalesce(sum(capacity), 0) from agent where state <> 'OFFLINE'
union all select 'slots', 'active', '', coalesce(sum(active), 0) from agent where state <> 'OFFLINE'
union all
select fact, label, '', sum(n)::float8 from (
  select fact, label, n from counted
  union all select 'task_ends', state, count(*) from task
    where state in ('COMPLETED', 'FAILED', 'CANCELLED') group by state
  union all select 'usage', key, sum(value::numeric) from session cross join json_each_text(usage)
    where state not in ('COMPLETED', 'FAILED', 'STOPPED') group by key
) c group by fact, label
union all
select w.fact, q.queue, '', case when w.fact = 'waiting' then q.n else coalesce(extract(epoch from now() - q.since), 0) end
from (
  select 'tasks' as queue, count(*) as n, min(t.ready_at) as since
  from session s join task t on t.session_id = s.id
  where s.state = 'RUNNING' and t.state = 'READY' and coalesce(t.not_before <= now(), true)
  union all select 'sessions', count(*), min(queued_at) from session where state = 'QUEUED'
  union all select 'steps', count(*), min(wake_at) from session
    where state not in ('COMPLETED', 'FAILED', 'STOPPED') and wake_at <= now()
) q cross join (values ('waiting'), ('oldest')) w(fact);
grant select on fleet_fact to orchestrator_app, orchestrator_engine;

-- What the fleet did and when: each change of a session's state, written by the transaction that makes it.
-- No key to its session: what happened stays true when that is deleted.
create table session_change (
  tenant_id text not null references tenant,
  at timestamptz(3) not null default now(),
  id bigint generated always as identity,
  session_id text not null,
  from_state text,
  to_state text not null,
  primary key (tenant_id, at, id)
);

alter table session_change enable row level security;
grant select, insert on session_change to orchestrator_app, orchestrator_engine;
create policy app on session_change to orchestrator_app
  using (tenant_id = current_setting('app.tenant', true))
  with check (tenant_id = current_setting('app.tenant', true));
create policy engine on session_change to orchestrator_engine using (true) with check (true);

create function tell_change() returns trigger language plpgsql as $$
begin
  insert into session_change (tenant_id, session_id, from_state, to_state)
  values (new.tenant_id, new.id, case when tg_op = 'UPDATE' then old.state end, new.state);
  return null;
end $$;
create trigger tell_made after insert on session for each row execute function tell_change();
-- Of the many updates of a session only those pay that move its state.
create trigger tell_moved after update of state on session for each row
  when (old.state is distinct from new.state) execute function tell_change();

-- For counts over time; a task is written here once, when it ends.
create index task_ended on task (tenant_id, ended_at) where ended_at is not null;

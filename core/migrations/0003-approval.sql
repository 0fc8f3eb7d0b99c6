-- People in the loop: what a session's engine may do by itself, and what it has asked.
alter table session add column approval_policy json not null
  default '{"mode":"auto","rules":[],"timeout_seconds":3600,"default":"deny","grants":[]}';

create table approval (
  tenant_id text not null references tenant,
  id text primary key,
  session_id text not null references session on delete cascade,
  task_id text not null,
  attempt int not null,
  agent_id text not null,
  kind text not null,
  asked json not null,
  engine_ref text not null,
  state text not null,
  deadline timestamptz(3) not null,
  "default" json not null,
  answer json,
  answered_by text,
  created_at timestamptz(3) not null default now(),
  closed_at timestamptz(3),
  unique (task_id, attempt, engine_ref)
) with (fillfactor = 70);
create index approval_open on approval (session_id) where state = 'OPEN';
create index approval_session on approval (session_id, id desc);
create index approval_list on approval (tenant_id, state, id desc);

alter table approval enable row level security;
grant select, insert, update, delete on approval to orchestrator_app, orchestrator_engine;
create policy app on approval to orchestrator_app
  using (tenant_id = current_setting('app.tenant', true))
  with check (tenant_id = current_setting('app.tenant', true));
create policy engine on approval to orchestrator_engine using (true) with check (true);

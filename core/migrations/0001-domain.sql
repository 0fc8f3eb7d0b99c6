-- Two roles that own nothing. The api acts as `orchestrator_app` and sees one tenant;
-- step, sweep and metrics act as `orchestrator_engine` and see them all.
do $$
begin
  if not exists (select from pg_roles where rolname = 'orchestrator_app') then
    create role orchestrator_app nologin nosuperuser nobypassrls;
  end if;
  if not exists (select from pg_roles where rolname = 'orchestrator_engine') then
    create role orchestrator_engine nologin nosuperuser nobypassrls;
  end if;
  -- The owner may act as either, so that one DATABASE_URL is enough where there is no second login.
  if not pg_has_role(current_user, 'orchestrator_app', 'member') then
    execute format('grant orchestrator_app, orchestrator_engine to %I', current_user);
  end if;
end $$;

create type priority as enum ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL');

create table tenant (
  id text primary key,
  name text not null,
  max_running_sessions int not null default 200,
  wake_at timestamptz(3),
  created_at timestamptz(3) not null default now()
);
create index tenant_wake on tenant (wake_at) where wake_at is not null;

-- Long values, the plan and the prompt before all, go out of line early: a row that is updated often stays small.
create table session (
  tenant_id text not null references tenant,
  id text primary key,
  title text not null,
  prompt text not null,
  priority priority not null,
  repository json,
  base_commit text,
  base_artifact_id text,
  plan json,
  budget json not null,
  labels text[] not null,
  state text not null,
  waiting json,
  wake_at timestamptz(3),
  settle_by timestamptz(3),
  version bigint not null default 1,
  last_seq bigint not null default 0,
  head_hash bytea not null default '\x',
  checkpoint_number int not null default 0,
  rehearsal boolean,
  usage json not null,
  attempts_finished int not null default 0,
  attempts_succeeded int not null default 0,
  result json,
  failure json,
  step_errors int not null default 0,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  queued_at timestamptz(3),
  started_at timestamptz(3),
  ended_at timestamptz(3)
) with (fillfactor = 60, toast_tuple_target = 512);
-- What the sweep looks through. wake_at itself is in no index: it moves with every commit, which would otherwise
-- write to each index of the row.
create index session_live on session (id) where state not in ('COMPLETED', 'FAILED', 'STOPPED');
create index session_list on session (tenant_id, id desc);
create index session_state on session (tenant_id, state, id desc);

create table task (
  tenant_id text not null,
  id text primary key,
  session_id text not null references session on delete cascade,
  parent_id text,
  key text not null,
  kind text not null,
  title text not null,
  instruction text not null,
  capability text not null,
  depends_on text[] not null,
  checks json not null,
  priority priority not null,
  state text not null,
  waiting json,
  attempt int not null default 0,
  failures int not null default 0,
  losses int not null default 0,
  agent_id text,
  agent_incarnation int,
  failed_agent_id text,
  not_before timestamptz(3),
  deadline timestamptz(3),
  last_batch int not null default 0,
  work json,
  usage json not null,
  result json,
  error json,
  created_at timestamptz(3) not null default now(),
  ready_at timestamptz(3),
  started_at timestamptz(3),
  ended_at timestamptz(3),
  unique (session_id, key)
) with (fillfactor = 60, toast_tuple_target = 512);
create index task_ready on task (tenant_id, priority desc, ready_at) where state = 'READY';
create index task_held on task (agent_id) where state in ('ASSIGNED', 'RUNNING', 'AWAITING_INPUT');
create index task_list on task (tenant_id, state, id desc);

create table agent (
  tenant_id text not null references tenant,
  id text primary key,
  name text not null,
  engine json not null,
  capabilities text[] not null,
  capacity int not null check (capacity between 1 and 64),
  labels text[] not null,
  state text not null,
  active int not null default 0,
  incarnation int not null default 1,
  token_hash bytea not null unique,
  finished int not null default 0,
  succeeded int not null default 0,
  recent text not null default '',
  repositories text[] not null default '{}',
  registered_at timestamptz(3) not null default now(),
  last_heartbeat_at timestamptz(3) not null default now(),
  unique (tenant_id, name)
) with (fillfactor = 70);

create table inbox (
  tenant_id text not null,
  id text primary key,
  agent_id text not null references agent on delete cascade,
  kind text not null,
  task_id text,
  attempt int,
  data json not null,
  created_at timestamptz(3) not null default now()
);
create index inbox_agent on inbox (agent_id, id);

-- Pages and checkpoints are written only by statements that hold their session's row, so that no foreign key
-- has to look for it at each; a trigger deletes them with it.
-- One row a commit, however many events it holds; the page is the very text that was hashed.
create table event_page (
  tenant_id text not null,
  session_id text not null,
  first_seq bigint not null,
  last_seq bigint not null,
  hash bytea not null,
  page text not null,
  created_at timestamptz(3) not null default now(),
  primary key (session_id, first_seq)
);

create table checkpoint (
  tenant_id text not null,
  session_id text not null,
  number int not null,
  id text not null,
  trigger text not null,
  seq bigint not null,
  task_id text,
  artifact_id text,
  changed json not null,
  size bigint not null default 0,
  created_at timestamptz(3) not null default now(),
  primary key (session_id, number)
);

create function forget_history() returns trigger language plpgsql as $$
begin
  delete from event_page where session_id = old.id;
  delete from checkpoint where session_id = old.id;
  return null;
end $$;
create trigger forget_history after delete on session for each row execute function forget_history();

create table message (
  tenant_id text not null,
  id text primary key,
  session_id text not null references session on delete cascade,
  text text not null,
  created_at timestamptz(3) not null default now()
);
create index message_session on message (session_id, id);

create table artifact (
  tenant_id text not null,
  id text primary key,
  session_id text not null references session on delete cascade,
  task_id text not null,
  attempt int not null,
  kind text not null,
  size bigint not null,
  created_at timestamptz(3) not null default now()
);
create index artifact_session on artifact (session_id);

create table idempotency (
  tenant_id text not null,
  key text not null,
  route text not null,
  request_hash text not null,
  status int not null,
  response text not null,
  created_at timestamptz(3) not null default now(),
  primary key (tenant_id, key)
);

do $$
declare t text;
begin
  grant usage on schema public to orchestrator_app, orchestrator_engine;
  foreach t in array array['session', 'task', 'agent', 'inbox', 'event_page', 'checkpoint', 'message',
                           'artifact', 'idempotency'] loop
    execute format('alter table %I enable row level security', t);
    execute format('grant select, insert, update, delete on %I to orchestrator_app, orchestrator_engine', t);
    execute format('create policy app on %I to orchestrator_app
                    using (tenant_id = current_setting(''app.tenant'', true))
                    with check (tenant_id = current_setting(''app.tenant'', true))', t);
    execute format('create policy engine on %I to orchestrator_engine using (true) with check (true)', t);
  end loop;
  alter table tenant enable row level security;
  grant select, update on tenant to orchestrator_app, orchestrator_engine;
  create policy app on tenant to orchestrator_app using (id = current_setting('app.tenant', true));
  create policy engine on tenant to orchestrator_engine using (true) with check (true);
end $$;

insert into tenant (id, name) values ('ten_00000000000000000000000000', 'default');

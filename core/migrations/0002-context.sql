-- Memory that agents share. An entry's values stand in its versions alone; `context` names the latest one.
create table context (
  tenant_id text not null references tenant,
  scope text not null check (scope in ('GLOBAL', 'SESSION', 'TASK')),
  scope_id text not null,
  key text collate "C" not null,
  session_id text references session on delete cascade,
  version int not null,
  deleted boolean not null,
  primary key (tenant_id, scope, scope_id, key)
) with (fillfactor = 70);
create index context_session on context (session_id);

-- Every version that was ever stored, what it was based on, and what the write that made it disagreed about.
create table context_version (
  tenant_id text not null references tenant,
  scope text not null,
  scope_id text not null,
  key text collate "C" not null,
  version int not null,
  session_id text references session on delete cascade,
  value json,
  deleted boolean not null,
  strategy text not null,
  author text not null,
  based_on int not null,
  conflicts json not null,
  size int not null,
  -- The last event that its write appended: a checkpoint at seq n has the versions up to n.
  seq bigint,
  created_at timestamptz(3) not null default clock_timestamp(),
  primary key (tenant_id, scope, scope_id, key, version)
);
create index context_version_session on context_version (session_id, seq);

do $$
declare t text;
begin
  foreach t in array array['context', 'context_version'] loop
    execute format('alter table %I enable row level security', t);
    execute format('grant select, insert, update, delete on %I to orchestrator_app, orchestrator_engine', t);
    execute format('create policy app on %I to orchestrator_app
                    using (tenant_id = current_setting(''app.tenant'', true))
                    with check (tenant_id = current_setting(''app.tenant'', true))', t);
    execute format('create policy engine on %I to orchestrator_engine using (true) with check (true)', t);
  end loop;
end $$;

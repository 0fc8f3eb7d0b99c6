-- Who did what, on what, from where: written by the transaction that did it. Nobody changes a row; the engine's
-- role deletes old ones. No key to what it is about: that may be gone.
create table audit (
  tenant_id text not null references tenant,
  id text not null,
  at timestamptz(3) not null default now(),
  actor_kind text not null,
  actor_id text,
  actor_name text,
  action text not null,
  resource_kind text not null,
  resource_id text not null,
  ip text,
  user_agent text,
  request_id text not null,
  detail json not null,
  primary key (tenant_id, id)
);
create index audit_resource on audit (tenant_id, resource_id, id desc);
create index audit_at on audit (at);

alter table audit enable row level security;
grant select, insert on audit to orchestrator_app;
grant select, delete on audit to orchestrator_engine;
create policy app on audit to orchestrator_app
  using (tenant_id = current_setting('app.tenant', true))
  with check (tenant_id = current_setting('app.tenant', true));
create policy engine on audit to orchestrator_engine using (true) with check (true);

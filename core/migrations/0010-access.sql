-- Who may call: each key by its public prefix and the SHA-256 of the whole; the key itself is told once and kept
-- nowhere. A revoked or expired one stays, so that what it did can still be named.
create table api_key (
  tenant_id text not null references tenant,
  id text primary key,
  prefix text not null,
  hash bytea not null,
  name text not null,
  scopes text[] not null,
  -- Where it comes from: `api`, or the secret of a deployment, which has one key at a time.
  source text not null default 'api',
  expires_at timestamptz(3),
  revoked_at timestamptz(3),
  created_at timestamptz(3) not null default now(),
  last_used_at timestamptz(3),
  unique (tenant_id, prefix)
);
create index api_key_list on api_key (tenant_id, id desc);

alter table api_key enable row level security;
grant select, insert, update on api_key to orchestrator_app, orchestrator_engine;
create policy app on api_key to orchestrator_app
  using (tenant_id = current_setting('app.tenant', true))
  with check (tenant_id = current_setting('app.tenant', true));
create policy engine on api_key to orchestrator_engine using (true) with check (true);

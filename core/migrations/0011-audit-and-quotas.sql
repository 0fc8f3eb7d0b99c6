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

-- What a tenant may use. Where a limit is null there is none. max_running_sessions is there since the first migration.
alter table tenant
  add column version bigint not null default 1,
  add column max_agents int not null default 1000 check (max_agents >= 0),
  add column max_tokens_per_day bigint check (max_tokens_per_day >= 1),
  add column max_requests_per_second int default 200 check (max_requests_per_second >= 1);

-- Tokens used by day (UTC). A row for each of a few connections, so that reports do not wait for one another.
create table token_day (
  tenant_id text not null references tenant,
  day date not null,
  shard smallint not null,
  tokens bigint not null,
  primary key (tenant_id, day, shard)
) with (fillfactor = 50);

alter table token_day enable row level security;
grant select, insert, update on token_day to orchestrator_app;
grant select, insert, update, delete on token_day to orchestrator_engine;
create policy app on token_day to orchestrator_app
  using (tenant_id = current_setting('app.tenant', true))
  with check (tenant_id = current_setting('app.tenant', true));
create policy engine on token_day to orchestrator_engine using (true) with check (true);

-- Those that count against a limit: countedTokens in core/usage/usage.ts.
create function tokens_of(usage json) returns bigint language sql immutable parallel safe
return coalesce((usage->>'input_tokens')::bigint, 0) + coalesce((usage->>'output_tokens')::bigint, 0)
     + coalesce((usage->>'reasoning_tokens')::bigint, 0);

create function count_tokens() returns trigger language plpgsql as $$
declare
  spent bigint := tokens_of(new.usage) - tokens_of(old.usage);
begin
  if spent > 0 then
    insert into token_day as d (tenant_id, day, shard, tokens)
    values (new.tenant_id, (now() at time zone 'UTC')::date, pg_backend_pid() % 16, spent)
    on conflict (tenant_id, day, shard) do update set tokens = d.tokens + excluded.tokens;
  end if;
  return null;
end $$;
-- Of the many updates of a session only those pay that report usage.
create trigger count_tokens after update of usage on session for each row
  when (old.usage::text is distinct from new.usage::text) execute function count_tokens();

create function tokens_today(of_tenant text) returns bigint language sql stable
return (select coalesce(sum(tokens), 0)::bigint from token_day
        where tenant_id = of_tenant and day = (now() at time zone 'UTC')::date);

-- When a tenant whose tokens of the day are used up may go on: at midnight, UTC. Null while there are some left.
create function tokens_until(of_tenant text) returns timestamptz language sql stable
return (select (date_trunc('day', now() at time zone 'UTC') + interval '1 day') at time zone 'UTC' from tenant t
        -- Nothing is added up where there is no limit.
        where t.id = of_tenant
          and case when t.max_tokens_per_day is not null then t.max_tokens_per_day <= tokens_today(of_tenant) end);

-- How many more sessions may run, or agents register. These take their turn at the tenant's row and then count in
-- a snapshot of their own: what was let in before is seen, so that nobody is let in twice for one place.
create function free_places(of_tenant text) returns int language plpgsql as $$
declare
  places int;
begin
  select max_running_sessions into places from tenant where id = of_tenant for no key update;
  return places - (select count(*)::int from session where tenant_id = of_tenant and state in ('RUNNING', 'PAUSING'));
end $$;

create function free_agents(of_tenant text) returns int language plpgsql as $$
declare
  agents int;
begin
  select max_agents into agents from tenant where id = of_tenant for no key update;
  return agents - (select count(*)::int from agent where tenant_id = of_tenant);
end $$;

-- Who is told of what happened. A delivery is written by the transaction of what it tells, so that there is never
-- one without the other; functions/deliver posts it. The secret signs, hence it is kept as it is.
create table webhook (
  tenant_id text not null references tenant,
  id text primary key,
  url text not null,
  description text not null,
  event_types text[] not null,
  secret text not null,
  -- The one before, which signs too until then.
  previous_secret text,
  previous_until timestamptz(3),
  state text not null default 'ENABLED',
  disabled_reason text,
  -- Since when no delivery has arrived; null while they do.
  failing_since timestamptz(3),
  version bigint not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
create index webhook_list on webhook (tenant_id, id desc);
create index webhook_enabled on webhook (tenant_id) where state = 'ENABLED';

create table webhook_delivery (
  tenant_id text not null references tenant,
  id text primary key,
  webhook_id text not null references webhook on delete cascade,
  event_type text not null,
  -- The very bytes that are signed and posted.
  payload text not null,
  state text not null default 'PENDING',
  attempts int not null default 0,
  -- While PENDING: when it is tried next, or, once claimed, when the claim is over.
  next_attempt_at timestamptz(3),
  -- The latest tries: when, what was answered, how long it took.
  tries json not null default '[]',
  created_at timestamptz(3) not null default now(),
  ended_at timestamptz(3)
) with (fillfactor = 70);
create index webhook_delivery_due on webhook_delivery (webhook_id, next_attempt_at) where state = 'PENDING';
create index webhook_delivery_list on webhook_delivery (webhook_id, id desc);
create index webhook_delivery_age on webhook_delivery (created_at);

do $$
declare t text;
begin
  foreach t in array array['webhook', 'webhook_delivery'] loop
    execute format('alter table %I enable row level security', t);
    execute format('grant select, insert, update, delete on %I to orchestrator_app, orchestrator_engine', t);
    execute format('create policy app on %I to orchestrator_app
                    using (tenant_id = current_setting(''app.tenant'', true))
                    with check (tenant_id = current_setting(''app.tenant'', true))', t);
    execute format('create policy engine on %I to orchestrator_engine using (true) with check (true)', t);
  end loop;
end $$;

-- An id like those of core/id.ts: ten digits of time and sixteen of chance, in Crockford's base 32.
create function new_id(prefix text) returns text language sql volatile as $$
  select prefix || '_' || string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + case
    when i < 10 then ((ms >> (45 - 5 * i)) & 31)::int else get_byte(chance, i - 10) & 31 end, 1), '' order by i)
  from (select (extract(epoch from clock_timestamp()) * 1000)::bigint as ms,
               sha256(uuid_send(gen_random_uuid())) as chance) r, generate_series(0, 25) i
$$;

-- Writes one delivery for each webhook that wants to know; index: webhook_enabled.
create function tell_webhooks(tenant text, type text, data json) returns void language sql as $$
  insert into webhook_delivery (tenant_id, id, webhook_id, event_type, payload, next_attempt_at)
  select tenant, new_id('whd'), w.id, type, json_build_object('type', type, 'timestamp',
           to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'data', data)::text, now()
  from webhook w where w.tenant_id = tenant and w.state = 'ENABLED' and type = any (w.event_types)
$$;

-- Titles and states, never what was asked or done: who wants more reads it with a key of their own.
create function tell_session() returns trigger language plpgsql as $$
begin
  if exists (select from webhook w where w.tenant_id = new.tenant_id and w.state = 'ENABLED') then
    perform tell_webhooks(new.tenant_id, 'session.' || lower(new.state), json_build_object(
      'session_id', new.id, 'title', new.title, 'state', new.state, 'version', new.version,
      'last_seq', new.last_seq, 'labels', new.labels, 'waiting', new.waiting, 'failure', new.failure));
  end if;
  return null;
end $$;
create trigger tell_webhooks_made after insert on session for each row execute function tell_session();
create trigger tell_webhooks_moved after update of state on session for each row
  when (old.state is distinct from new.state) execute function tell_session();

create function tell_approval() returns trigger language plpgsql as $$
begin
  if exists (select from webhook w where w.tenant_id = new.tenant_id and w.state = 'ENABLED') then
    perform tell_webhooks(new.tenant_id,
      'approval.' || case new.state when 'OPEN' then 'requested' else lower(new.state) end,
      json_build_object('approval_id', new.id, 'session_id', new.session_id, 'task_id', new.task_id,
        'kind', new.kind, 'state', new.state, 'deadline', new.deadline, 'answered_by', new.answered_by));
  end if;
  return null;
end $$;
create trigger tell_webhooks_made after insert on approval for each row execute function tell_approval();
create trigger tell_webhooks_moved after update of state on approval for each row
  when (old.state is distinct from new.state) execute function tell_approval();

-- What is past its time goes, in small batches (core/retention). Sessions by when they ended:
create index session_ended on session (ended_at) where ended_at is not null;
grant delete on session_change to orchestrator_engine;
create index session_change_age on session_change (at);

-- A session that is deleted leaves its bytes in the artifact store: this remembers to collect them, in the transaction
-- that deletes it. Uploads that were signed before may still come, so that it waits until none can.
create table artifact_garbage (
  tenant_id text not null references tenant,
  session_id text primary key,
  created_at timestamptz(3) not null default now()
);
create index artifact_garbage_age on artifact_garbage (created_at);
alter table artifact_garbage enable row level security;
grant select, insert, delete, update on artifact_garbage to orchestrator_app, orchestrator_engine;
create policy app on artifact_garbage to orchestrator_app
  using (tenant_id = current_setting('app.tenant', true))
  with check (tenant_id = current_setting('app.tenant', true));
create policy engine on artifact_garbage to orchestrator_engine using (true) with check (true);

create function leave_artifacts() returns trigger language plpgsql as $$
begin
  if exists (select from artifact a where a.session_id = old.id) then
    insert into artifact_garbage (tenant_id, session_id) values (old.tenant_id, old.id) on conflict do nothing;
  end if;
  return old;
end $$;
create trigger leave_artifacts before delete on session for each row execute function leave_artifacts();

-- What an agent has proved: the last 50 finished attempts of each capability, oldest first, 1 or 0 (as in recent).
alter table agent add column proven jsonb not null default '{}';

-- Whose turn it is: five minutes of waiting are worth one priority, so that LOW is never starved. The value stays
-- the same while something waits, and is immutable, so that an index holds the order. core/priority.ts has the same.
create function turn_at(urgency priority, since timestamptz) returns timestamp
language sql immutable parallel safe
return (since at time zone 'UTC') - case urgency
  when 'CRITICAL' then interval '15 minutes'
  when 'HIGH' then interval '10 minutes'
  when 'MEDIUM' then interval '5 minutes'
  else interval '0' end;

-- By capability, so that tasks that nobody can take never stand before those that somebody can.
drop index task_ready;
create index task_turn on task (tenant_id, capability, turn_at(priority, ready_at)) where state = 'READY';
create index session_turn on session (tenant_id, turn_at(priority, queued_at)) where state = 'QUEUED';

-- An inbox item is written only by statements that see its agent, or lock it: no key has to look for it at each. A
-- trigger deletes them with it, as with a session's pages.
alter table inbox drop constraint inbox_agent_id_fkey;

create function forget_inbox() returns trigger language plpgsql as $$
begin
  delete from inbox where agent_id = old.id;
  return null;
end $$;
create trigger forget_inbox after delete on agent for each row execute function forget_inbox();

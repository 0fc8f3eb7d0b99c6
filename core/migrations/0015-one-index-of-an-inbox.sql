-- An inbox item is looked for by its agent alone: one index tells it and orders it, and every offer writes to it.
alter table inbox drop constraint inbox_pkey;
drop index inbox_agent;
alter table inbox add primary key (agent_id, id);

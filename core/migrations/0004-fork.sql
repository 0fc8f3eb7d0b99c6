-- A fork goes on from a checkpoint of another session: its events up to fork_seq are that one's pages, which
-- therefore cannot be deleted while the fork is there.
alter table session
  add column parent_id text references session,
  add column parent_checkpoint int,
  add column fork_seq bigint,
  add constraint session_fork_whole check (num_nulls(parent_id, parent_checkpoint, fork_seq) in (0, 3));
create index session_forks on session (parent_id) where parent_id is not null;

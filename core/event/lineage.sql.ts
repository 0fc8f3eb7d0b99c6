/** A fork of a fork of a … so deep is refused: each generation is one more look at every read. */
export const maxGenerations = 100

/**
 * Whose pages make up the history of session $1: its own after `after`, and before these its ancestors', each
 * from its own `after` up to `upto`. A part of `with recursive`; index: session_pkey.
 */
export const lineage = /* sql */ `
line as (
  select s.id, s.parent_id, coalesce(s.fork_seq, 0) as after, s.last_seq as upto, 0 as generation
  from session s where s.id = $1::text
  union all
  select p.id, p.parent_id, coalesce(p.fork_seq, 0), l.after, l.generation + 1
  from line l join session p on p.id = l.parent_id where l.generation < ${maxGenerations}
)`

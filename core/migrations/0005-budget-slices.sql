-- Of a session's budget: what its running tasks may still spend before they report again, and each one's part.
alter table session add column reserved json not null default '{"tokens": 0, "cost_usd": 0}';
alter table task add column reserved json not null default '{"tokens": 0, "cost_usd": 0}';

-- Only subtasks are in it: a task looks for its own when it is handed in.
create index task_children on task (parent_id) where parent_id is not null;

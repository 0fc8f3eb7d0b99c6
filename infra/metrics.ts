/** The names under which functions/sweep publishes, and by which alarms and workers go; a test holds both equal. */
export const metrics = {
  namespace: 'Orchestrator',
  tasks_waiting: 'tasks_waiting',
  tasks_in_need: 'tasks_in_need',
} as const

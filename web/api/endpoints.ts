import type { SessionAction } from '#core/session/states'
import { ask, type Query, send, tell } from './client.ts'
import type * as t from './types.ts'

type Signal = { signal?: AbortSignal | undefined }
type Page = { limit?: number; cursor?: string | undefined }

export type SessionFilter = {
  priority?: readonly t.Session['priority'][] | undefined
  label?: string | undefined
  q?: string | undefined
}
export type SessionQuery = SessionFilter &
  Page & { state?: readonly t.Session['state'][] | undefined; sort?: t.SessionSort | undefined }
export type AgentQuery = Page & { state?: t.Agent['state'] | undefined; capability?: string | undefined }
export type TaskQuery = Page & {
  state?: readonly t.Task['state'][] | undefined
  capability?: string | undefined
}

const list =
  <T>(path: string) =>
  (query: Query, { signal }: Signal = {}) =>
    ask<T>(path, { query, signal })
const read =
  <T>(path: (id: string) => string) =>
  (id: string, { signal }: Signal = {}) =>
    ask<T>(path(id), { signal })

/** Every call that the dashboard makes, by name. Errors as `send`. */
export const api = {
  stats: ({ signal }: Signal = {}) => ask<t.Stats>('/stats', { signal }),
  history: (window: t.History['window'], { signal }: Signal = {}) =>
    ask<t.History>('/stats/history', { query: { window }, signal }),
  capabilities: ({ signal }: Signal = {}) => ask<t.CapabilityList>('/stats/capabilities', { signal }),
  needs: ({ signal }: Signal = {}) => ask<t.NeedList>('/needs', { signal }),
  changes: (query: { limit: number }, signal?: Signal) =>
    list<t.ChangeList>('/sessions/changes')(query, signal),
  socketTicket: ({ signal }: Signal = {}) =>
    ask<t.SocketTicket>('/socket-tickets', { method: 'POST', signal, timeout_ms: 8_000 }),
  ready: ({ signal }: Signal = {}) => ask<t.Ready>('//ready', { signal, timeout_ms: 8_000 }),

  sessions: (query: SessionQuery, signal?: Signal) => list<t.SessionList>('/sessions')(query, signal),
  sessionCounts: (filter: SessionFilter, signal?: Signal) =>
    list<t.SessionCounts>('/sessions/counts')(filter, signal),
  session: read<t.Session>((id) => `/sessions/${id}`),
  createSession: (body: t.NewSession, idempotency_key: string) =>
    ask<t.Session>('/sessions', { method: 'POST', body, idempotency_key }),
  changeSession: (id: string, body: t.SessionPatch, if_match: number) =>
    ask<t.Session>(`/sessions/${id}`, { method: 'PATCH', body, if_match }),
  removeSession: (id: string) => tell(`/sessions/${id}`, { method: 'DELETE' }),
  controlSession: (id: string, action: SessionAction) =>
    ask<t.Session>(`/sessions/${id}/${action}`, { method: 'POST' }),
  forkSession: (id: string, body: t.Fork, idempotency_key: string) =>
    ask<t.Session>(`/sessions/${id}/fork`, { method: 'POST', body, idempotency_key }),
  steer: (id: string, text: string, idempotency_key: string) =>
    ask<t.Message>(`/sessions/${id}/messages`, { method: 'POST', body: { text }, idempotency_key }),
  diagnosis: read<t.Diagnosis>((id) => `/sessions/${id}/diagnosis`),
  sessionTasks: read<t.TaskList>((id) => `/sessions/${id}/tasks`),
  events: (
    id: string,
    query: { after: number; limit?: number; wait?: number; types?: string },
    signal?: Signal,
  ) => list<t.EventPage>(`/sessions/${id}/events`)(query, signal),
  checkpoints: (id: string, query: Page, signal?: Signal) =>
    list<t.CheckpointList>(`/sessions/${id}/checkpoints`)(query, signal),
  checkpoint: (id: string, number: number, { signal }: Signal = {}) =>
    ask<t.WholeCheckpoint>(`/sessions/${id}/checkpoints/${number}`, { signal }),
  async diff(id: string, { signal }: Signal = {}) {
    const answer = await send(`/sessions/${id}/diff`, { accept: 'text/x-diff', signal })
    return { patch: await answer.text(), truncated: answer.headers.get('x-truncated') === 'true' }
  },

  tasks: (query: TaskQuery, signal?: Signal) => list<t.TaskList>('/tasks')(query, signal),
  taskTrees: (query: TaskQuery, signal?: Signal) => list<t.TaskTreeList>('/tasks/trees')(query, signal),
  task: read<t.Task>((id) => `/tasks/${id}`),
  controlTask: (id: string, action: 'cancel' | 'retry') =>
    ask<t.Task>(`/tasks/${id}/${action}`, { method: 'POST' }),

  agents: (query: AgentQuery, signal?: Signal) => list<t.AgentList>('/agents')(query, signal),
  drainAgent: (id: string) => ask<t.Agent>(`/agents/${id}/drain`, { method: 'POST' }),
  removeAgent: (id: string) => tell(`/agents/${id}`, { method: 'DELETE' }),

  approvals: (query: Page & { state?: t.Approval['state']; session_id?: string }, signal?: Signal) =>
    list<t.ApprovalList>('/approvals')(query, signal),
  answerApproval: (id: string, body: t.ApprovalAnswer) =>
    ask<t.Approval>(`/approvals/${id}`, { method: 'POST', body }),

  contexts: (scope: 'GLOBAL' | 'SESSION' | 'TASK', id: string, query: Page, signal?: Signal) =>
    list<t.ContextList>(`/contexts/${scope}/${id}`)(query, signal),
  contextHistory: (scope: string, id: string, key: string, query: Page, signal?: Signal) =>
    list<t.ContextHistory>(`/contexts/${scope}/${id}/${encodeURIComponent(key)}/history`)(query, signal),
}

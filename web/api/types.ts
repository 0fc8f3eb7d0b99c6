/** What the API answers and takes, as its own schemas say it. Types only: none of the server's code comes along. */
import type * as z from 'zod'
import type * as agent from '#core/agent/wire'
import type * as approval from '#core/approval/approval'
import type * as capabilities from '#core/fleet/capabilities'
import type * as history from '#core/fleet/history'
import type * as needs from '#core/fleet/needs'
import type * as changes from '#core/session/changes'
import type * as count from '#core/session/count'
import type { sessionSorts } from '#core/session/read'
import type * as session from '#core/session/session'
import type * as trees from '#core/task/trees'
import type * as agents from '#functions/api/schemas/agent'
import type * as approvals from '#functions/api/schemas/approval'
import type * as checkpoints from '#functions/api/schemas/checkpoint'
import type * as contexts from '#functions/api/schemas/context'
import type * as events from '#functions/api/schemas/event'
import type * as fleet from '#functions/api/schemas/fleet'
import type * as plain from '#functions/api/schemas/plain'
import type * as problems from '#functions/api/schemas/problem'
import type * as sessions from '#functions/api/schemas/session'
import type * as sockets from '#functions/api/schemas/socket'
import type * as tasks from '#functions/api/schemas/task'

export type Problem = z.infer<typeof problems.Problem>
export type Session = z.infer<typeof sessions.Session>
export type SessionList = z.infer<typeof sessions.SessionList>
export type SessionCounts = z.infer<typeof count.SessionCounts>
export type SessionSort = (typeof sessionSorts)[number]
export type Diagnosis = z.infer<typeof sessions.Diagnosis>
export type Task = z.infer<typeof tasks.Task>
export type TaskList = z.infer<typeof tasks.TaskList>
export type Agent = z.infer<typeof agents.Agent>
export type AgentList = z.infer<typeof agents.AgentList>
export type EventPage = z.infer<typeof events.EventPage>
export type SessionEvent = EventPage['items'][number]
export type CheckpointList = z.infer<typeof checkpoints.CheckpointList>
export type Checkpoint = CheckpointList['items'][number]
export type WholeCheckpoint = z.infer<typeof checkpoints.WholeCheckpoint>
export type Approval = z.infer<typeof approvals.Approval>
export type ApprovalList = z.infer<typeof approvals.ApprovalList>
export type ContextList = z.infer<typeof contexts.ContextList>
export type ContextHistory = z.infer<typeof contexts.ContextHistory>
export type Message = z.infer<typeof sessions.Message>
export type Ready = z.infer<typeof plain.Ready>
export type SocketTicket = z.infer<typeof sockets.SocketTicket>
export type Stats = z.infer<typeof fleet.FleetStats>
export type CapabilityList = z.infer<typeof fleet.CapabilityList>
export type NeedList = z.infer<typeof fleet.NeedList>
export type ChangeList = z.infer<typeof sessions.ChangeList>
export type History = z.infer<typeof history.History>
export type CapabilityLoad = z.infer<typeof capabilities.CapabilityLoad>
export type Need = z.infer<typeof needs.Need>
export type SessionChange = z.infer<typeof changes.SessionChange>
export type TaskTree = z.infer<typeof trees.TaskTree>
export type TaskLine = z.infer<typeof trees.TaskLine>
export type TaskTreeList = z.infer<typeof tasks.TaskTreeList>

export type NewSession = z.input<typeof session.NewSession>
export type SessionPatch = z.input<typeof session.SessionPatch>
export type Fork = z.input<typeof session.Fork>
export type ApprovalAnswer = z.input<typeof approval.Answer>
export type Engine = agent.Engine

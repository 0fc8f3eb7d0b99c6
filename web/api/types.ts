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
import type * as schemas from '#functions/api/schemas'

export type Problem = z.infer<typeof schemas.Problem>
export type Session = z.infer<typeof schemas.Session>
export type SessionList = z.infer<typeof schemas.SessionList>
export type SessionCounts = z.infer<typeof count.SessionCounts>
export type SessionSort = (typeof sessionSorts)[number]
export type Diagnosis = z.infer<typeof schemas.Diagnosis>
export type Task = z.infer<typeof schemas.Task>
export type TaskList = z.infer<typeof schemas.TaskList>
export type Agent = z.infer<typeof schemas.Agent>
export type AgentList = z.infer<typeof schemas.AgentList>
export type EventPage = z.infer<typeof schemas.EventPage>
export type SessionEvent = EventPage['items'][number]
export type CheckpointList = z.infer<typeof schemas.CheckpointList>
export type Checkpoint = CheckpointList['items'][number]
export type WholeCheckpoint = z.infer<typeof schemas.WholeCheckpoint>
export type Approval = z.infer<typeof schemas.Approval>
export type ApprovalList = z.infer<typeof schemas.ApprovalList>
export type ContextList = z.infer<typeof schemas.ContextList>
export type ContextHistory = z.infer<typeof schemas.ContextHistory>
export type Message = z.infer<typeof schemas.Message>
export type Ready = z.infer<typeof schemas.Ready>
export type SocketTicket = z.infer<typeof schemas.SocketTicket>
export type Stats = z.infer<typeof schemas.FleetStats>
export type CapabilityList = z.infer<typeof schemas.CapabilityList>
export type NeedList = z.infer<typeof schemas.NeedList>
export type ChangeList = z.infer<typeof schemas.ChangeList>
export type History = z.infer<typeof history.History>
export type CapabilityLoad = z.infer<typeof capabilities.CapabilityLoad>
export type Need = z.infer<typeof needs.Need>
export type SessionChange = z.infer<typeof changes.SessionChange>
export type TaskTree = z.infer<typeof trees.TaskTree>
export type TaskLine = z.infer<typeof trees.TaskLine>
export type TaskTreeList = z.infer<typeof schemas.TaskTreeList>

export type NewSession = z.input<typeof session.NewSession>
export type SessionPatch = z.input<typeof session.SessionPatch>
export type Fork = z.input<typeof session.Fork>
export type ApprovalAnswer = z.input<typeof approval.Answer>
export type Engine = agent.Engine

/** Answers, as the document describes them: reading one with its own schema checks both. */
export { Stats } from '#core/fleet/wire'
export { Agent, Inbox, Registered } from '#functions/api/schemas/agent'
export { Artifact, ArtifactMade } from '#functions/api/schemas/artifact'
export { CheckpointList, WholeCheckpoint } from '#functions/api/schemas/checkpoint'
export { EventPage, Verdict } from '#functions/api/schemas/event'
export { Session, SessionList } from '#functions/api/schemas/session'
export { TaskList, TaskTree } from '#functions/api/schemas/task'
export { CheckpointMade } from '#functions/api/schemas/work'

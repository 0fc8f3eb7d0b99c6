/** Answers, as the document describes them: reading one with its own schema checks both. */
export { Stats } from '#core/fleet/wire'
export {
  Agent,
  Artifact,
  ArtifactMade,
  CheckpointList,
  CheckpointMade,
  EventPage,
  Inbox,
  Registered,
  Session,
  SessionList,
  TaskList,
  TaskTree,
  Verdict,
  WholeCheckpoint,
} from '#functions/api/schemas'

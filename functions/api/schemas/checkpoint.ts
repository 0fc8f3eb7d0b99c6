import * as z from 'zod'
import { checkpointTriggers } from '#core/task/wire'
import { answer } from '../document.ts'
import { cursor, time } from './parts.ts'

const Checkpoint = answer(
  'Checkpoint',
  z.object({
    id: z.string(),
    session_id: z.string(),
    number: z.int(),
    trigger: z.enum(checkpointTriggers),
    seq: z.int(),
    task_id: z.string().nullable(),
    artifact_id: z.string().nullable(),
    size: z.int(),
    created_at: time,
  }),
)

export const CheckpointList = answer(
  'CheckpointList',
  z.object({ items: z.array(Checkpoint), next_cursor: cursor }),
)

const record = z.record(z.string(), z.unknown())

export const WholeCheckpoint = answer(
  'WholeCheckpoint',
  z.object({ ...Checkpoint.shape, session: record, tasks: z.array(record) }),
)

export const CheckpointAsked = answer(
  'CheckpointAsked',
  z.object({ asked: z.int(), checkpoint_number: z.int() }),
)

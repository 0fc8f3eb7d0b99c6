import * as z from 'zod'
import {
  Assignment,
  Claim,
  Complete,
  Decline,
  EventBatch,
  EventBatchAnswer,
  Fail,
  NewSubtasks,
  Release,
  SubtasksAnswer,
  WorkCheckpoint,
} from '#core/task/wire'
import { answer, body } from '../document.ts'

/** The very schemas that the domain validates with, named for the document. */
body('Claim', Claim)
body('Decline', Decline)
body('EventBatch', EventBatch)
body('WorkCheckpoint', WorkCheckpoint)
body('Complete', Complete)
body('Fail', Fail)
body('Release', Release)
body('NewSubtasks', NewSubtasks)
answer('Assignment', Assignment)
answer('EventBatchAnswer', EventBatchAnswer)
answer('SubtasksAnswer', SubtasksAnswer)
export const CheckpointMade = answer('CheckpointMade', z.object({ number: z.int() }))

import * as z from 'zod'
import { NewArtifact } from '#core/task/wire'
import { answer, body } from '../document.ts'
import { time } from './parts.ts'

body('NewArtifact', NewArtifact)

const Presigned = z.object({
  method: z.enum(['PUT', 'GET']),
  url: z.string(),
  headers: z.record(z.string(), z.string()),
})

export const ArtifactMade = answer('ArtifactMade', z.object({ id: z.string(), upload: Presigned }))

export const Artifact = answer(
  'Artifact',
  z.object({
    id: z.string(),
    session_id: z.string(),
    task_id: z.string(),
    attempt: z.int(),
    kind: z.string(),
    size: z.int(),
    created_at: time,
    download: Presigned,
  }),
)

import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { ArtifactStore } from '#core/artifact/store'
import { OrchestratorError } from '#core/error'
import { presignedSeconds } from './folder.ts'

const readDeadlineMs = 10_000

/** A bucket. The size is part of an upload's signature, so that nothing larger can be sent. */
export function s3Store(bucket: string, client = new S3Client({ maxAttempts: 2 })): ArtifactStore {
  const expiresIn = presignedSeconds
  return {
    async presignUpload(key, size) {
      const command = new PutObjectCommand({ Bucket: bucket, Key: key, ContentLength: size })
      const url = await getSignedUrl(client, command, { expiresIn })
      return { method: 'PUT', url, headers: { 'content-length': String(size) } }
    },
    async presignDownload(key) {
      const url = await getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: key }), {
        expiresIn,
      })
      return { method: 'GET', url, headers: {} }
    },
    async read(key, max_bytes) {
      const command = new GetObjectCommand({ Bucket: bucket, Key: key, Range: `bytes=0-${max_bytes - 1}` })
      try {
        const { Body } = await client.send(command, { abortSignal: AbortSignal.timeout(readDeadlineMs) })
        return Buffer.from((await Body?.transformToByteArray()) ?? [])
      } catch (cause) {
        if (cause instanceof Error && cause.name === 'NoSuchKey') return null
        // Of an empty object no range can be given.
        if (cause instanceof Error && cause.name === 'InvalidRange') return Buffer.alloc(0)
        const reason = cause instanceof Error ? cause.message : String(cause)
        throw new OrchestratorError('dependency_unavailable', `The artifact store failed: ${reason}`, {
          cause,
        })
      }
    },
  }
}

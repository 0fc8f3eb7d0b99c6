import { DeleteObjectsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import type { RemoveBelow } from '#core/retention/collect'

const deadlineMs = 10_000

/** Removes objects of a bucket, as many as one list names. */
export function s3Remover(bucket: string, client = new S3Client({ maxAttempts: 2 })): RemoveBelow {
  return async (prefix) => {
    const abortSignal = AbortSignal.timeout(deadlineMs)
    const list = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix })
    const { Contents = [], IsTruncated = false } = await client.send(list, { abortSignal })
    const Objects = Contents.flatMap(({ Key }) => (Key === undefined ? [] : [{ Key }]))
    if (Objects.length === 0) return true
    const gone = new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } })
    const { Errors = [] } = await client.send(gone, { abortSignal })
    return Errors.length === 0 && !IsTruncated
  }
}

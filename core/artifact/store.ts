/** A request that the holder may send to the store as it stands, until it expires. */
export type Presigned = { method: 'PUT' | 'GET'; url: string; headers: Record<string, string> }

/** Where bundles, histories and patches are: S3, or a folder behind the local gateway. */
export type ArtifactStore = {
  presignUpload(key: string, size: number): Promise<Presigned>
  presignDownload(key: string): Promise<Presigned>
  /** The first `max_bytes` of an object, or null when there is none. @throws dependency_unavailable */
  read(key: string, max_bytes: number): Promise<Buffer | null>
}

/** The place of an artifact in the store: by tenant, so that tenants can be told apart, and session. */
export function keyOf(artifact: { tenant_id: string; session_id: string; id: string }) {
  return `${artifact.tenant_id}/${artifact.session_id}/${artifact.id}`
}

import { createArtifact } from '#core/artifact/create'
import { readArtifact } from '#core/artifact/read'
import { NewArtifact } from '#core/task/wire'
import { workerOf } from '../auth.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { Artifact, ArtifactMade } from '../schemas/artifact.ts'

const base = '/api/v1/artifacts'

/** Artifacts: an address to upload to, and one to download from. */
export function artifactRoutes(api: Api) {
  endpoint(api, {
    ...nothing,
    scope: 'worker',
    name: 'create_artifact',
    method: 'post',
    path: base,
    tag: 'artifacts',
    summary: 'Make an artifact of an attempt; the answer says where its bytes go',
    body: NewArtifact,
    status: 201,
    answer: ArtifactMade,
    headers: ({ id }) => ({ location: `${base}/${id}` }),
    run: ({ services, caller, body }) => createArtifact(services, workerOf(caller), body),
  })
  endpoint(api, {
    ...nothing,
    agents: true,
    name: 'read_artifact',
    scope: 'sessions:read',
    method: 'get',
    path: `${base}/{id}`,
    tag: 'artifacts',
    summary: 'Read what an artifact is and where its bytes are',
    params: { id: 'artifact' },
    answer: Artifact,
    run: ({ services, actor, param }) => readArtifact(services, actor, param('id')),
  })
}

/// <reference path="../.sst/platform/config.d.ts" />

/** Bundles, histories and patches: private, over TLS alone. What lives how long is the domain's to say. */
export function makeArtifacts() {
  const bucket = new sst.aws.Bucket('Artifacts', { enforceHttps: true, cors: false })
  new aws.s3.BucketLifecycleConfiguration('ArtifactsUnfinished', {
    bucket: bucket.name,
    rules: [
      {
        id: 'unfinished-uploads',
        status: 'Enabled',
        filter: { prefix: '' },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
      },
    ],
  })
  return bucket
}

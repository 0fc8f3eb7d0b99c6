import type { Metafile } from 'esbuild'

const command = /node_modules\/@aws-sdk\/client-([a-z0-9-]+)\/.*\/commands\/(\w+)Command\.js$/

/** Which calls of the AWS SDK are in a bundle, as `sqs:SendMessageBatch`: those whose code is left after shaking. */
export function sdkCalls({ outputs }: Metafile) {
  const kept = Object.values(outputs).flatMap(({ inputs }) => Object.entries(inputs))
  const calls = kept.flatMap(([path, { bytesInOutput }]) => {
    const [, client, name] = command.exec(path) ?? []
    return bytesInOutput > 0 && client && name ? [`${client}:${name}`] : []
  })
  return [...new Set(calls)].sort()
}

/** A resource as the evaluated program declares it: the values of its inputs, secrets and assets included. */
export type Declared = {
  type: string
  name: string
  inputs: Record<string, unknown>
  /** Names of what has to be there before it, whatever it is used for. */
  dependencies: string[]
}

/** `sdk`: the calls of the AWS SDK that are in its code, as `sqs:SendMessageBatch`. */
export type BuiltFunction = { bytes: number; bytes_at_start: number; sdk: string[] }

/** What an evaluation leaves behind. */
export type Graph = {
  stage: string
  resources: Declared[]
  outputs: Record<string, unknown>
  /** By the name of the sst component. */
  bundles: Record<string, BuiltFunction>
}

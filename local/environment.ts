import type { QueueAddress } from './services/bootstrap.ts'

/** Who we are to the emulators; they check nothing. */
export const localRegion = 'us-east-1'
const localKey = 'local'

export type ServiceAddresses = { postgres: string; redis: string; sqs: string; dynamodb: string }

/** Which services are given from outside, read from the environment. */
export const externalServices = (env: NodeJS.ProcessEnv) => {
  const given = (value: string | undefined) => (value === '' ? undefined : value)
  const aws = given(env.AWS_ENDPOINT_URL)
  return {
    postgres: given(env.DATABASE_URL),
    redis: given(env.REDIS_URL),
    sqs: given(env.AWS_ENDPOINT_URL_SQS) ?? aws,
    dynamodb: given(env.AWS_ENDPOINT_URL_DYNAMODB) ?? aws,
    region: given(env.AWS_REGION) ?? localRegion,
  }
}

/** What the AWS clients need to find the services of this machine, and nothing of a real account. */
export const clientEnvironment = (
  addresses: ServiceAddresses,
  region: string,
  env: NodeJS.ProcessEnv,
  embedded: boolean,
): Record<string, string> => ({
  DATABASE_URL: addresses.postgres,
  REDIS_URL: addresses.redis,
  AWS_ENDPOINT_URL_SQS: addresses.sqs,
  AWS_ENDPOINT_URL_DYNAMODB: addresses.dynamodb,
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: embedded ? localKey : (env.AWS_ACCESS_KEY_ID ?? localKey),
  AWS_SECRET_ACCESS_KEY: embedded ? localKey : (env.AWS_SECRET_ACCESS_KEY ?? localKey),
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
})

const nameOf = (prefix: string, name: string, suffix: string): string =>
  `${prefix}_${name.toUpperCase().replaceAll('-', '_')}${suffix}`

/** What names the wiring's resources to the handlers: `QUEUE_<NAME>_URL`, `QUEUE_<NAME>_DEAD_URL`, `TABLE_<NAME>`. */
export const resourceEnvironment = (
  queues: ReadonlyMap<string, QueueAddress>,
  tables: readonly string[],
): Record<string, string> => ({
  ...Object.fromEntries([...queues].map(([name, queue]) => [nameOf('QUEUE', name, '_URL'), queue.url])),
  ...Object.fromEntries(
    [...queues].map(([name, queue]) => [nameOf('QUEUE', name, '_DEAD_URL'), queue.deadUrl]),
  ),
  ...Object.fromEntries(tables.map((name) => [nameOf('TABLE', name, ''), name])),
})

/** Puts values into this process's environment. Answers the way back. */
export const applyEnvironment = (values: Readonly<Record<string, string>>): (() => void) => {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, values)
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
}

/** A worker is a client of the API: it gets what the person's shell has, less what leads to our stores. */
export const workerEnvironment = (
  env: NodeJS.ProcessEnv,
  { api, key, model, hidden = [] }: { api: string; key: string; model: string | null; hidden?: string[] },
): NodeJS.ProcessEnv => {
  const kept = Object.entries(env).filter(
    ([name]) =>
      !/^(ADMIN_KEY|DATABASE_URL|REDIS_URL|ARTIFACT_|QUEUE_|TABLE_|SOCKET_|AWS_ENDPOINT_URL|REHEARSAL_MODEL_URL)/.test(
        name,
      ),
  )
  return {
    ...Object.fromEntries(kept),
    ORCHESTRATOR_API_URL: api,
    ORCHESTRATOR_API_KEY: key,
    ...(hidden.length > 0 && { AGENT_HIDDEN: [env.AGENT_HIDDEN, ...hidden].filter(Boolean).join(',') }),
    ...(model !== null && { REHEARSAL_MODEL_URL: model }),
  }
}

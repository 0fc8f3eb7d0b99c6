/** What a deployment says to the page when it is opened: one build serves every environment. */
export type Config = {
  /** Base of the REST API, without a slash at the end. */
  api_url: string
  /** Where sockets are opened; null: where the API's tickets say. */
  ws_url: string | null
  /** The key of this machine, where the page is served by `npm start`; null: people have their own. */
  api_key: string | null
  /** What the top bar calls this place, e.g. `this machine` or `eu-west-1 / staging`. */
  environment: string
}

const usual: Config = {
  api_url: 'http://localhost:8000/api/v1',
  ws_url: null,
  api_key: null,
  environment: 'this machine',
}
const deadlineMs = 5_000

/** Reads /config.json; what it does not say is as with `npm start`. */
export async function readConfig(): Promise<Config> {
  try {
    const signal = AbortSignal.timeout(deadlineMs)
    const answer = await fetch('/config.json', { cache: 'no-store', signal })
    return answer.ok ? configOf(await answer.json()) : usual
  } catch {
    // A static server that answers its index for everything, or none: the usual address may still be right.
    return usual
  }
}

/** Takes what is understood of a config.json. */
export function configOf(given: unknown): Config {
  if (typeof given !== 'object' || given === null) return usual
  const text = (name: keyof Config) => {
    const value: unknown = Reflect.get(given, name)
    return typeof value === 'string' && value !== '' ? value : null
  }
  return {
    api_url: (text('api_url') ?? usual.api_url).replace(/\/+$/, ''),
    ws_url: text('ws_url'),
    api_key: text('api_key'),
    environment: text('environment') ?? usual.environment,
  }
}

import { EngineError } from '../engine.ts'

/** Calls of one OpenCode server. Every call has a deadline; its answers are JSON or nothing. */
export class OpencodeApi {
  readonly #base: string
  readonly #headers: Record<string, string>
  readonly #directory: string

  constructor(options: { port: number; password: string; directory: string }) {
    this.#base = `http://127.0.0.1:${options.port}`
    const credentials = Buffer.from(`orchestrator:${options.password}`).toString('base64')
    this.#headers = { authorization: `Basic ${credentials}` }
    this.#directory = encodeURIComponent(options.directory)
  }

  #url(path: string) {
    return `${this.#base}${path}${path.includes('?') ? '&' : '?'}directory=${this.#directory}`
  }

  async healthy() {
    const options = { headers: this.#headers, signal: AbortSignal.timeout(1_000) }
    return fetch(`${this.#base}/global/health`, options).then(
      async (response) => {
        await response.body?.cancel()
        return response.ok
      },
      () => false,
    )
  }

  get(path: string, deadline = 15_000) {
    return this.#call('GET', path, undefined, deadline)
  }

  post(path: string, body: unknown = {}, deadline = 30_000) {
    return this.#call('POST', path, body, deadline)
  }

  async #call(method: string, path: string, body: unknown, deadline: number): Promise<unknown> {
    const response = await fetch(this.#url(path), {
      method,
      headers: { ...this.#headers, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(deadline),
    }).catch((error) => {
      throw new EngineError(`OpenCode did not answer ${method} ${path.split('?')[0]}: ${String(error)}`)
    })
    const text = await response.text()
    if (!response.ok) throw new EngineError(`OpenCode answered ${response.status}: ${text.slice(0, 500)}`)
    return text === '' ? null : JSON.parse(text)
  }

  /** The live stream of this directory, open until the signal. */
  async events(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const opening = new AbortController()
    const timer = setTimeout(() => opening.abort(new Error('OpenCode did not open its event stream')), 15_000)
    try {
      const both = AbortSignal.any([signal, opening.signal])
      const response = await fetch(this.#url('/event'), { headers: this.#headers, signal: both })
      if (!response.ok || !response.body)
        throw new EngineError(`the event stream answered ${response.status}`)
      return response.body
    } finally {
      clearTimeout(timer)
    }
  }
}

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addUsage, noUsage, type Usage } from '#core/usage/usage'
import type { Engine, EngineEvent, EngineMemory, EngineSession, OpenOptions } from './engine.ts'

/** One turn of a script: it may edit files below `directory`, and says what it does. */
export type Turn = {
  directory: string
  prompt: string
  /** Prompts given so far, this one included; restored on resume. */
  prompts: string[]
  /** Steering received while the turn runs. */
  steered: string[]
  signal: AbortSignal
  mcp: OpenOptions['mcp']
  decide: OpenOptions['decide']
}
export type Script = (turn: Turn) => AsyncIterable<EngineEvent>

/** A deterministic engine for tests: it runs a function where OpenCode would run. Never a default. */
export function scriptedEngine(script: Script): Engine {
  return {
    describe: () => ({ name: 'scripted', version: '1', model: 'scripted/script', rehearsal: true }),
    open: async (options) => new ScriptedSession(script, options),
  }
}

class ScriptedSession implements EngineSession {
  readonly #script: Script
  readonly #options: OpenOptions
  #prompts: string[] = []
  #steered: string[] = []
  #stop = new AbortController()
  #usage: Usage = noUsage

  constructor(script: Script, options: OpenOptions) {
    this.#script = script
    this.#options = options
  }

  async start(prompt: string) {
    this.#prompts.push(prompt)
    this.#steered = []
    this.#stop = new AbortController()
  }

  async resume({ history }: EngineMemory) {
    this.#prompts = (await readFile(history, 'utf8')).split('\0').filter((prompt) => prompt !== '')
    return this.#prompts.length > 0
  }

  async *follow(): AsyncGenerator<EngineEvent> {
    const turn: Turn = {
      directory: this.#options.directory,
      prompt: this.#prompts.at(-1) ?? '',
      prompts: this.#prompts,
      steered: this.#steered,
      signal: AbortSignal.any([this.#stop.signal, this.#options.signal]),
      mcp: this.#options.mcp,
      decide: this.#options.decide,
    }
    for await (const event of this.#script(turn)) {
      if (turn.signal.aborted) return
      if (event.type === 'usage') this.#usage = addUsage(this.#usage, event.usage)
      yield event
    }
  }

  async steer(_id: string, text: string) {
    this.#steered.push(text)
  }

  async interrupt() {
    this.#stop.abort()
  }

  usage() {
    return this.#usage
  }

  async checkpoint(): Promise<EngineMemory> {
    const history = join(this.#options.state, 'prompts')
    await writeFile(history, this.#prompts.join('\0'))
    return { record: { prompts: this.#prompts.length }, history }
  }

  async dispose() {
    this.#stop.abort()
  }
}

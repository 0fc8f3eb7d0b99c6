import type { Engine as EngineInfo } from '#core/agent/wire'
import type { LogData } from '#core/task/wire'
import type { Usage } from '#core/usage/usage'
import type { Log } from '../log.ts'
import type { McpAccess } from '../mcp/server.ts'
import type { Decide } from './permission.ts'

/** What an engine says while it works. */
export type EngineEvent =
  | { type: 'log'; data: LogData }
  /** Tokens and cost of one step, from the engine's own messages. */
  | { type: 'usage'; usage: Usage }
  /** A tool has run: a good moment for a checkpoint. */
  | { type: 'tool_finished' }

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json }

/** The engine's handle on its memory: small JSON, and a file with the rest. */
export type EngineMemory = { record: Record<string, Json>; history: string }

export type OpenOptions = {
  /** The worktree. */
  directory: string
  /** A folder of the engine's own, for this attempt only. */
  state: string
  title: string
  mcp: McpAccess
  /** Tools that it must not use without asking. */
  asks: string[]
  /** Whom it asks. */
  decide: Decide
  log: Log
  /** Aborted when the attempt is to end at once. */
  signal: AbortSignal
}

/** A coding agent, as the worker drives it. OpenCode is the first; a scripted one serves tests. */
export type Engine = {
  describe: () => EngineInfo
  /** Starts the engine for one attempt. Throws EngineError when it does not come up. */
  open: (options: OpenOptions) => Promise<EngineSession>
}

export type EngineSession = {
  /** Gives it something to do: the first prompt, or a further one when it is idle. */
  start: (prompt: string) => Promise<void>
  /** Restores the memory of another attempt and continues the turn it was in. False: it could not. */
  resume: (memory: EngineMemory) => Promise<boolean>
  /** What it does, until it is idle again. Throws EngineError when the turn failed. */
  follow: () => AsyncIterable<EngineEvent>
  /** Says something to it while it works. The id makes a repeated delivery harmless. */
  steer: (id: string, text: string) => Promise<void>
  /** Ends the running turn; `follow` then ends. */
  interrupt: () => Promise<void>
  /** The sum of all steps of this attempt. */
  usage: () => Usage
  /** Its memory as of now, for another machine to go on from. */
  checkpoint: () => Promise<EngineMemory>
  /** Ends it and everything it started. */
  dispose: () => Promise<void>
}

/** The engine, or the model behind it, failed. The message is the provider's own where there is one. */
export class EngineError extends Error {
  readonly retryable: boolean
  constructor(message: string, retryable = true) {
    super(message)
    this.name = 'EngineError'
    this.retryable = retryable
  }
}

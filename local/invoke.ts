import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Context } from 'aws-lambda'
import type { FunctionWiring } from '#infra/wiring'
import { root } from './root.ts'

export type Handler = (event: unknown, context: Context) => unknown

/** What a module of functions/ may offer us: its handler, and `close`, which lets go of its connections. */
export type LoadedFunction = { handler: Handler; close?: () => Promise<void> }
export type LoadFunction = (path: string) => Promise<LoadedFunction>

export type Invoke = (event: unknown) => Promise<unknown>

export type LocalFunction = {
  name: string
  /** Runs the handler. Throws what it throws, or FunctionTimeoutError; a late handler itself goes on. */
  invoke: Invoke
  /** Lets go of what the module holds (pools, clients). */
  close: () => Promise<void>
}

export class FunctionTimeoutError extends Error {}

const isHandler = (value: unknown): value is Handler => typeof value === 'function'
const isClose = (value: unknown): value is () => Promise<void> => typeof value === 'function'

/** Loads `functions/x/handler.handler` as Lambda names it: a module of the checkout and its export. */
export const loadFunction: LoadFunction = async (path) => {
  const dot = path.lastIndexOf('.')
  const file = pathToFileURL(join(root, `${path.slice(0, dot)}.ts`)).href
  const loaded: Record<string, unknown> = await import(file)
  const handler = loaded[path.slice(dot + 1)]
  if (!isHandler(handler)) throw new Error(`${path} is not a function`)
  const { close } = loaded
  return isClose(close) ? { handler, close } : { handler }
}

const makeContext = (name: string, wiring: FunctionWiring, region: string, until: number): Context => {
  const awsRequestId = randomUUID()
  return {
    awsRequestId,
    callbackWaitsForEmptyEventLoop: false,
    functionName: name,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:${region}:000000000000:function:${name}`,
    memoryLimitInMB: String(wiring.memory_mb),
    logGroupName: `/aws/lambda/${name}`,
    logStreamName: 'local',
    getRemainingTimeInMillis: () => Math.max(0, until - Date.now()),
    done: () => {},
    fail: () => {},
    succeed: () => {},
  }
}

/** A function of the wiring, its module loaded once, invoked as Lambda does: with a context and a timeout. */
export const makeFunction = async (
  name: string,
  wiring: FunctionWiring,
  region: string,
  load: LoadFunction,
): Promise<LocalFunction> => {
  const loaded = await load(wiring.handler)
  const timeoutMs = wiring.timeout_seconds * 1000
  const invoke: Invoke = async (event) => {
    const context = makeContext(name, wiring, region, Date.now() + timeoutMs)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new FunctionTimeoutError(`${name} was not done after ${wiring.timeout_seconds} s`))
      }, timeoutMs)
    })
    // Inside an async function of its own, so that a handler that throws at once is a rejection too.
    const work = (async () => loaded.handler(event, context))()
    try {
      return await Promise.race([work, late])
    } finally {
      clearTimeout(timer)
    }
  }
  return { name, invoke, close: async () => loaded.close?.() }
}

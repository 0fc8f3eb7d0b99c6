import * as z from 'zod'
import type { Actor } from '#core/actor'
import type { Access, Caller } from './auth.ts'
import type { Params } from './params.ts'
import type { ApiServices } from './services.ts'

export type Call<P extends Params, Q, B> = {
  services: ApiServices
  caller: Caller
  actor: Actor
  param: Param<P>
  query: Q
  body: B
  request: Request
}

/** What a mutation is about, where that is not what `{id}` of its path names; and how much is told of its body. */
export type Audit<P extends Params, A extends z.ZodType> = {
  resource?: (call: { param: Param<P>; actor: Actor }, answer: z.input<A>) => Resource
  /** The body is a text of people: only its size is told. */
  size_only?: true
}
export type Resource = { kind: string; id: string }

export type Param<P extends Params> = (name: keyof P & string) => string

/** A route as data: what it takes, who may call it (there is no default), what it answers. */
export type Endpoint<
  P extends Params,
  Q extends z.ZodType,
  B extends z.ZodType,
  A extends z.ZodType,
> = Access & {
  /** The operation's name in the document and in generated clients. */
  name: string
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  path: string
  tag: string
  summary: string
  /** A POST that may not be answered from a store, because of what its answer holds. */
  idempotent?: false
  /** Takes the ETag of a read in `If-Match`: from another version it is refused. PATCH and PUT always do. */
  if_match?: true
  params: P
  query: Q
  body: B
  /** Text is stored as it came: NUL and broken surrogates pass. */
  verbatim?: boolean
  status?: 200 | 201 | 202 | 204
  answer: A
  /** The media types of answers that `run` makes itself, as a Response. */
  media?: string[]
  headers?: (answer: z.input<A>) => Record<string, string>
  /** What the audit says of a mutation; `false`: it changes no record of ours. */
  audit?: false | Audit<P, A>
  run: (call: Call<P, z.output<Q>, z.output<B>>) => Promise<z.input<A> | Response>
}

/** What an endpoint takes and answers when it does not say so: nothing. */
export const nothing = {
  params: {},
  query: z.strictObject({}),
  body: z.strictObject({}).default({}),
  answer: z.void(),
}

/** What a line of the terminal came from; `event` is the orchestrator's own word about a change. */
export const streams = ['thought', 'text', 'tool', 'stdout', 'stderr', 'system', 'event'] as const
export type Stream = (typeof streams)[number]

export type Line = {
  /** The event that it is of, and which line of it, from 0: together they name it for good. */
  seq: number
  nth: number
  /** In ms since 1970. */
  at: number
  task_id: string | null
  stream: Stream
  /** Of a tool: its name, how it stands, and how long it took, in ms. */
  tool: string | null
  status: 'running' | 'completed' | 'error' | null
  took: number | null
  /** As it came, colours too. */
  text: string
  isError: boolean
}

/** `17912`, and for a later line of the same event `17912-3`: what stands in an address. */
export function placeOf({ seq, nth }: Pick<Line, 'seq' | 'nth'>) {
  return nth === 0 ? seq : `${seq}-${nth}`
}

export type Place = { seq: number; nth: number }

/** Reads a line's place from an address; undefined when it names none. */
export function readPlace(value: unknown): Place | undefined {
  const [, seq, nth = '0'] = /^(\d{1,15})(?:-(\d{1,9}))?$/.exec(String(value)) ?? []
  return seq === undefined || Number(seq) === 0 ? undefined : { seq: Number(seq), nth: Number(nth) }
}

/** The order of places. */
export function comparePlaces(a: Place, b: Place) {
  return a.seq - b.seq || a.nth - b.nth
}

/** A part of the local cloud that runs beside the functions. */
export type Service = {
  name: string
  /** Where it listens, as its clients want it. */
  url: string
  /** What stands behind the address, for the table at start. */
  note: string
  /** Ends it; safe to call twice. Services that were given from outside are left alone. */
  stop: () => Promise<void>
}

/** The same address with its password hidden, for people's eyes. */
export const withoutPassword = (url: string): string => url.replace(/(\/\/[^:/@]*):[^@/]*@/, '$1:***@')

/** Told when a service died by itself and is being started again. */
export type OnDeath = (service: string, reason: string) => void

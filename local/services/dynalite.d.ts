/** The package has no types of its own; these are the parts that we use. */
declare module 'dynalite' {
  import type { Server } from 'node:http'

  type DynaliteOptions = {
    path?: string
    createTableMs?: number
    deleteTableMs?: number
    updateTableMs?: number
  }

  export default function dynalite(options?: DynaliteOptions): Server
}

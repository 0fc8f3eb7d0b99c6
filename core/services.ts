import type { Commit } from '#core/change/commit'
import type { Known } from '#core/change/draft'
import type { Database } from '#core/database/database'
import type { Bells } from '#core/wake/bell'
import type { Wake } from '#core/wake/wake'

/** What a verb works with. Made once a process by core/services' maker in each function. */
export type Services = {
  database: Database
  commit: Commit
  load: Loader
  /** Sends wakes to the steps queue. Never throws: a lost wake is found by the sweep. */
  wake: (wakes: Wake[]) => Promise<void>
  bells: Bells
}

export type Loader = {
  session(tenant_id: string, id: string): Promise<Known | null>
  task(tenant_id: string, id: string): Promise<Known | null>
}

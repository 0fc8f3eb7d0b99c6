import { type Inbox, inboxes } from '#core/agent/inboxes'
import { type Commit, committer } from '#core/change/commit'
import { type Loader, loader } from '#core/change/load'
import type { Database } from '#core/database/database'
import type { NewEvent } from '#core/event/event'
import type { Presence } from '#core/lock/presence'
import { type Creator, creator } from '#core/session/insert'
import { type Follow, follower } from '#core/step/follow'
import { type Assigner, assigner } from '#core/task/beginnings'
import { type Reporter, reporter } from '#core/task/reporter'
import type { Bells } from '#core/wake/bell'
import type { Wake } from '#core/wake/wake'

/** What a verb works with. Each function makes it once a process. */
export type Services = {
  database: Database
  commit: Commit
  create: Creator
  load: Loader
  follow: Follow
  report: Reporter
  inbox: Inbox
  assignment: Assigner
  presence: Presence
  /** Sends wakes to the steps queue. Never throws: a lost wake is found by the sweep. */
  wake: (wakes: Wake[]) => Promise<void>
  bells: Bells
  /** The request that is served now, where there is one: what agents are told carries it on. */
  requestId?: () => string | undefined
  /** Told of every event that was committed, for the logs. */
  told?: Told
  /** Told how long a task that was just claimed had been ready, in seconds. */
  dispatched?: (seconds: number) => void
}

/** What a log line of a committed event needs to know. */
export type Told = (of: { tenant_id: string; session_id: string }, events: NewEvent[]) => void

/** The parts that hang on the database, and on who is alive. */
export function databaseServices(database: Database, presence: Presence) {
  return {
    database,
    commit: committer(database),
    create: creator(database),
    load: loader(database),
    follow: follower(database, presence),
    report: reporter(database),
    inbox: inboxes(database),
    assignment: assigner(database),
  }
}

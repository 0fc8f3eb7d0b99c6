import type { Event } from '#core/event/event'
import { Channel, type Listener } from './channel.ts'
import { Connection } from './connection.ts'
import { eventFeed, type Feed, fleetFeed, inboxFeed } from './feed.ts'
import type { LiveInputs } from './inputs.ts'
import { isSame, type LiveStatus } from './status.ts'
import type { ErrorFrame, FleetFrame, InboxFrame, ServerFrame } from './wire.ts'

/** Frames that wait in a channel: 2 MB of events at most. What is let go is asked for again. */
const mostHeld = 64

export type Subscription = {
  status(): LiveStatus
  close(): void
}
export type EventSubscription = Subscription & {
  /** Events up to `seq` were read by other means. */
  skipTo(seq: number): void
}

export type LiveClient = {
  /** Events of a session after a seq: each once, in order, without a gap, across any number of connections. */
  session(id: string, after: number, listener: Listener<Event[]>): EventSubscription
  /** Pictures of the fleet, the latest only. */
  fleet(listener: Listener<FleetFrame>): Subscription
  /** Items of an agent's inbox, at least once, until they are acknowledged over REST. */
  agent(id: string, listener: Listener<InboxFrame>): Subscription
  /** The worst of the connection and its channels. */
  status(): LiveStatus
  /** Tries at once instead of at the end of the pause. */
  retry(): void
  close(): void
}

/** Opens a live connection: one socket at a time, several channels on it. Never throws; `close` ends it. */
export function openLive(inputs: LiveInputs, onStatus: (status: LiveStatus) => void = () => {}): LiveClient {
  const channels = new Set<Channel<unknown>>()
  const connection = new Connection(inputs, {
    up: () => {
      for (const channel of channels) if (connection.up) channel.up()
      changed()
    },
    down: () => {
      for (const channel of channels) channel.down()
      changed()
    },
    frame: dispatch,
    tick: () => {
      for (const channel of channels) channel.tick()
      changed()
    },
  })
  let told = connection.status()

  function status(): LiveStatus {
    const now = connection.status()
    const behind = now.state === 'live' && [...channels].some(({ live }) => !live)
    return behind ? { ...now, state: 'catching_up' } : now
  }

  /** Tells whom it concerns what has changed since they were last told. */
  function changed() {
    const stands = connection.status()
    for (const channel of channels) channel.tell(channel.status(stands))
    const now = status()
    if (isSame(now, told)) return
    told = now
    try {
      onStatus(now)
    } catch (error) {
      inputs.report(error)
    }
  }

  function dispatch(frame: ServerFrame) {
    if (frame.type === 'error') return refuse(frame)
    for (const channel of channels) if (isFor(frame, channel.name)) channel.receive(frame)
  }

  function refuse(error: ErrorFrame) {
    // The other side has forgotten the connection: a new ticket opens one that it knows.
    if (error.code === 'unauthorized') return connection.renew(error.message)
    // What passes is asked for again when its answer is overdue.
    if (error.retryable || error.code === 'internal') return
    for (const channel of channels) {
      if (channel.name !== error.channel) continue
      leave(channel)
      channel.refuse(error)
      channel.tell(channel.status(connection.status()))
    }
  }

  function leave(channel: Channel<unknown>) {
    channel.close()
    if (!channels.delete(channel) || [...channels].some(({ name }) => name === channel.name)) return
    connection.send({ action: 'unsubscribe', channel: channel.name })
  }

  function subscribe<T>(name: string, feed: Feed<T>, listener: Listener<T>): Subscription {
    const { clock, timing, report } = inputs
    const send = connection.send.bind(connection)
    const channel = new Channel(name, feed, listener, { clock, timing, send, changed, report })
    channels.add(channel)
    if (connection.up) channel.up()
    channel.tell(channel.status(connection.status()))
    return {
      status: () => channel.status(connection.status()),
      close() {
        leave(channel)
        changed()
      },
    }
  }

  return {
    session(id, after, listener) {
      const feed = eventFeed(after, mostHeld)
      return { ...subscribe(`session:${id}`, feed, listener), skipTo: feed.skipTo }
    },
    fleet: (listener) => subscribe('fleet', fleetFeed(), listener),
    agent: (id, listener) => subscribe(`agent:${id}`, inboxFeed(mostHeld), listener),
    status,
    retry: () => connection.retry(),
    close() {
      for (const channel of channels) channel.close()
      channels.clear()
      connection.close()
    },
  }
}

/** An inbox frame need not name its agent: a socket is opened as one agent. */
function isFor(frame: ServerFrame, channel: string) {
  if (frame.type === 'fleet') return channel === 'fleet'
  if (frame.type === 'inbox' && frame.channel === null) return channel.startsWith('agent:')
  return 'channel' in frame && frame.channel === channel
}

import { defaultTenant } from '#core/actor'
import { type Agent, freeSlots } from '#core/agent/agent'
import { first } from '#core/change/commit.sql'
import type { Slot } from '#core/change/draft'
import { inboxColumns, movedColumns, slotColumns } from '#core/change/rows'
import type { Columns } from '#core/database/columns'
import type { Database, Statement } from '#core/database/database'
import type { NewEvent } from '#core/event/event'
import { turnOf } from '#core/priority'
import type { Session } from '#core/session/session'
import { unassigned } from '#core/task/blank'
import type { Report } from '#core/task/report.sql'
import { isHeld } from '#core/task/states'
import type { Task } from '#core/task/task'
import { lessReserved, nothingReserved, plusReserved, sliceOf } from '#core/usage/budget'
import { addUsage, type Usage } from '#core/usage/usage'
import { anAgent, at } from '../known.ts'
import { faultOf } from '../replay.ts'
import { assertStore, must } from './invariants.ts'

type InboxRow = {
  id: string
  agent_id: string
  kind: string
  task_id: string
  attempt: number
  data: Record<string, unknown>
}
type SessionRow = Session & { count: number; trigger: string | null; page: string | null }

/**
 * The database as a model in memory: it answers the engine's own statements by their names, each as one
 * transaction. What is modelled is what the SQL promises: compare-and-set, slots by count, all or nothing.
 */
export class Store {
  sessions = new Map<string, Session>()
  tasks = new Map<string, Task>()
  agents = new Map<string, Agent>()
  inbox: InboxRow[] = []
  /** The most tasks that could ever be run at once. */
  mostPlaces = 0
  tenant = { wake_at: null as string | null, max_running_sessions: 2 }
  commits = 0
  conflicts = 0
  #events = new Map<string, NewEvent[]>()
  #ms = 0

  get now() {
    return at(this.#ms / 1000)
  }

  pass(ms: number) {
    this.#ms += ms
  }

  after(ms: number) {
    return at((this.#ms + ms) / 1000)
  }

  /** Whether a time has come. */
  isDue(time: string | null) {
    return time !== null && time <= this.now
  }

  /** A connection; `before` runs ahead of each write, where others may get in between. */
  open(before: () => Promise<void>): Database {
    const query = async <Row extends object>(_: string | null, statement: Statement): Promise<Row[]> => {
      if (statement.name === 'commit' || statement.name === 'report') await before()
      // The one place where a model's rows are taken for a statement's: nothing can check this but the tests.
      return this.#answer(statement) as Row[]
    }
    return {
      query,
      transaction: () => Promise.reject(new Error('not modelled')),
      end: async () => {},
    }
  }

  tasksOf(session_id: string) {
    return [...this.tasks.values()].filter((task) => task.session_id === session_id)
  }

  heldBy(agent_id: string) {
    return [...this.tasks.values()].filter((task) => task.agent_id === agent_id && isHeld(task.state))
  }

  #answer({ name, values }: Statement): object[] {
    const [first, second, third, fourth] = values
    switch (name) {
      case 'load_sessions':
        return strings(first).flatMap((id) => this.#known(id, this.tasksOf(id)))
      case 'load_tasks':
        return strings(first).flatMap((id) => {
          const task = this.tasks.get(id)
          const below = this.tasksOf(task?.session_id ?? '').filter(({ parent_id }) => parent_id === id)
          return task ? this.#known(task.session_id, [task, ...below]) : []
        })
      case 'load_step':
        return this.#loadStep(strings(first), Number(strings(third)[0] ?? 0), strings(fourth))
      case 'load_ready':
        return this.#loadReady(new Set(strings(second)), new Set(strings(third)))
      case 'load_fleets':
        return strings(first).map((id) => this.#fleet(id))
      case 'load_open_fleet':
        return [this.#openFleet()]
      case 'commit':
        return this.#commit(values)
      case 'report':
        return this.#report(parsed(first))
      case 'silence':
        return this.#silence(strings(first))
      case 'tenant_wake':
        return this.#tenantWake(Number(second))
      case 'count_step_error':
        throw new Error('a step threw')
      case 'sweep_sessions':
        return this.#sweepSessions()
      case 'sweep_tenants':
        return this.#sweepTenant()
      case 'register_agent':
        return this.#register(values)
      case 'remove_agent':
        return this.#touchHolders(String(first), () => this.#remove(String(first)))
      case 'drain_agent':
        return this.#touchHolders(String(first), () => this.#setAgent(String(first), { state: 'DRAINING' }))
      case 'heartbeat':
        return this.#heartbeat(String(first))
      case 'read_agent':
        return [...this.agents.values()].filter(({ id }) => id === first)
      case 'read_task':
        return [...this.tasks.values()].flatMap((task) =>
          task.id === first ? [{ task, session_state: this.sessions.get(task.session_id)?.state }] : [],
        )
      case 'read_session':
        return this.#known(String(first), []).map((row) => ({ ...row, task_counts: {} }))
      case 'load_facts':
        return []
      case 'forget_answers':
        return []
      default:
        throw new Error(`The model knows no statement ${name}.`)
    }
  }

  #known(id: string, tasks: Task[]) {
    const session = this.sessions.get(id)
    return session ? [{ ...session, tasks, now: this.now }] : []
  }

  #loadStep(session_ids: string[], queued: number, task_ids: string[]) {
    const queue = [...this.sessions.values()].filter(({ state }) => state === 'QUEUED')
    queue.sort((x, y) => turnOf(x.priority, x.queued_at) - turnOf(y.priority, y.queued_at))
    const ofTasks = task_ids.flatMap((id) => this.tasks.get(id)?.session_id ?? [])
    const wanted = new Set([...session_ids, ...ofTasks, ...queue.slice(0, queued).map(({ id }) => id)])
    const rows = [...this.sessions.values()].filter(({ id }) => wanted.has(id))
    return rows.map((session) => {
      const tasks = this.tasksOf(session.id)
      const held = tasks.filter(({ state }) => isHeld(state)).map(({ agent_id }) => agent_id ?? '')
      const holders = [...new Set(held)].flatMap((id) => this.agents.get(id) ?? [])
      return { ...session, tasks, holders, now: this.now }
    })
  }

  #loadReady(capabilities: Set<string>, except: Set<string>) {
    return [...this.sessions.values()].flatMap((session) => {
      if (session.state !== 'RUNNING' || except.has(session.id)) return []
      const tasks = this.tasksOf(session.id)
      const ready = tasks.filter(
        (task) =>
          task.state === 'READY' &&
          capabilities.has(task.capability) &&
          (task.not_before === null || this.isDue(task.not_before)),
      )
      const done = tasks.filter(({ state }) => state === 'COMPLETED')
      const doers = Object.fromEntries(done.map(({ key, agent_id }) => [key, agent_id]))
      return ready.length > 0 ? [{ ...session, tasks: ready, doers, now: this.now }] : []
    })
  }

  #fleet(id: string) {
    const running = [...this.sessions.values()].filter(
      ({ state }) => state === 'RUNNING' || state === 'PAUSING',
    )
    const agents = [...this.agents.values()].filter(({ state }) => state !== 'OFFLINE')
    const { max_running_sessions } = this.tenant
    return { id, max_running_sessions, running_sessions: running.length, tokens_until: null, agents }
  }

  #openFleet() {
    const waits = ({ state, not_before, waiting }: Task) =>
      state === 'READY' && (not_before === null || this.isDue(not_before)) && waiting?.reason !== 'no_agent'
    return {
      agents: [...this.agents.values()].filter(({ state }) => state !== 'OFFLINE'),
      tasks_wait: [...this.tasks.values()].some(waits),
      sessions_wait: [...this.sessions.values()].some(({ state }) => state === 'QUEUED'),
    }
  }

  /** The rows that win, each with all that hangs on it; the others write nothing. */
  #commit(values: unknown[]) {
    const pages = linesIn(values[4])
    const input: SessionRow[] = parsed(values[0]).map((row: SessionRow, i: number) => ({
      ...row,
      page: pages[i] ?? null,
    }))
    const sessionAt = (place: number) => ({ session_id: input[place - 1]?.id ?? '' })
    // Of new tasks what tells them from a blank one; of those that moved, what may change.
    const made: Task[] = parsed(values[1]).map((task: Task) => ({ ...unassigned, ...task }))
    const moved = rowsIn<Task & { session: number; rest: Partial<Task> | null }>(
      values,
      movedColumns,
      first.moved,
    ).map(({ session, rest, ...task }) => ({ ...task, ...emptied, ...rest, ...sessionAt(session) }))
    const tasks: Task[] = [...made, ...moved]
    const wanted = rowsIn<Slot & { session: number }>(values, slotColumns, first.slots).map(
      ({ session, ...slot }) => ({ ...slot, ...sessionAt(session) }),
    )
    const inbox = rowsIn<InboxRow & { session: number }>(values, inboxColumns, first.inbox).map(
      ({ session, ...item }) => ({ ...item, ...sessionAt(session) }),
    )
    const refused = this.#refused(wanted)
    const won = input.filter(
      ({ id, version }) => this.sessions.get(id)?.version === version && !refused.has(id),
    )
    const winners = new Set(won.map(({ id }) => id))
    for (const row of won) this.#writeSession(row)
    for (const task of tasks) if (winners.has(task.session_id)) this.#writeTask(task)
    for (const id of winners) this.#assertReplay(id)
    for (const slot of wanted) if (winners.has(slot.session_id)) this.#shift(slot)
    for (const item of inbox)
      if (winners.has(item.session_id) && this.agents.has(item.agent_id)) this.inbox.push(item)
    this.commits += won.length
    this.conflicts += input.length - won.length
    assertStore(this)
    return won.map(({ id, version, last_seq, count }) => ({
      id,
      version: version + 1,
      last_seq: last_seq + count,
    }))
  }

  #refused(slots: (Slot & { session_id: string })[]) {
    const places = new Map<string, number>()
    const refused = new Set<string>()
    for (const { agent_id, incarnation, take, give, session_id } of slots) {
      if (take === 0) continue
      const place = (places.get(agent_id) ?? 0) + take - give
      places.set(agent_id, place)
      const agent = this.agents.get(agent_id)
      const isFree =
        agent?.state === 'ONLINE' &&
        agent.incarnation === incarnation &&
        place <= freeSlots(agent) &&
        freeSlots({ ...agent, active: agent.active - give }) > 0
      if (!isFree) refused.add(session_id)
    }
    return refused
  }

  /** Sessions are put here without their first event: it is made up when the next one comes. */
  #tell({ id, title, priority, labels, budget, state }: Session, page: string | null) {
    const data = { title, priority, labels, budget }
    const first: NewEvent[] = [{ at: this.now, type: 'session.created', data }]
    if (state === 'QUEUED') first.push({ at: this.now, type: 'session.queued', data: { to: state } })
    const events = this.#events.get(id) ?? first
    const more: NewEvent[] = page ? parsed(page) : []
    events.push(...more)
    this.#events.set(id, events)
  }

  /** Its events alone rebuild what is stored, after every transition. */
  #assertReplay(id: string) {
    const session = this.sessions.get(id)
    const fault = session && faultOf(this.#events.get(id) ?? [], { session, tasks: this.tasksOf(id) })
    must(!fault, fault ?? '')
  }

  #writeSession({ count, trigger, page, ...row }: SessionRow) {
    const old = this.sessions.get(row.id)
    if (!old) throw new Error(`no session ${row.id}`)
    this.#tell(old, page)
    this.sessions.set(row.id, {
      ...old,
      ...row,
      version: old.version + 1,
      last_seq: old.last_seq + count,
      checkpoint_number: old.checkpoint_number + (trigger ? 1 : 0),
      wake_at: row.wake_at === 'now' ? this.now : row.wake_at,
    })
  }

  #writeTask(task: Task) {
    const old = this.tasks.get(task.id)
    if (!old) return void this.tasks.set(task.id, task)
    if (task.attempt < old.attempt) throw new Error(`attempt of ${task.key} fell to ${task.attempt}`)
    if (task.attempt > old.attempt && task.state !== 'ASSIGNED')
      throw new Error(`attempt of ${task.key} grew without an assignment`)
    if (old.state === 'COMPLETED' && task.state !== 'COMPLETED')
      throw new Error(`${task.key} was COMPLETED and is ${task.state}`)
    const same = old.attempt === task.attempt && old.agent_id === task.agent_id
    const last_batch = same ? Math.max(old.last_batch, task.last_batch) : task.last_batch
    const isOver = task.state === 'COMPLETED' || task.state === 'WAITING_CHILDREN'
    const work = isOver ? null : old.work
    const depends_on = task.depends_on ?? old.depends_on
    this.tasks.set(task.id, { ...old, ...task, depends_on, last_batch, work })
  }

  #shift({ agent_id, take, give, outcome, capability }: Slot) {
    const agent = this.agents.get(agent_id)
    if (!agent) return
    const recent = (agent.recent + outcome).slice(-50)
    const marks = ((agent.proven[capability] ?? '') + outcome).slice(-50)
    const proven = marks ? { ...agent.proven, [capability]: marks } : agent.proven
    this.#setAgent(agent_id, { active: agent.active + take - give, recent, proven })
  }

  #report(reports: Report[]) {
    return reports.flatMap(({ task_id, agent_id, attempt, batch, usage, page }) => {
      const task = this.tasks.get(task_id)
      const session = this.sessions.get(task?.session_id ?? '')
      const isHolder = task?.agent_id === agent_id && task.attempt === attempt && task.state === 'RUNNING'
      if (!task || !session || !isHolder || batch !== task.last_batch + 1) return []
      this.#tell(session, page)
      const spent = (before: Usage) => (usage ? addUsage(before, usage) : before)
      const others = lessReserved(session.reserved, task.reserved)
      const next = sliceOf({ ...session, usage: spent(session.usage), reserved: others })
      const over = next === null
      const own = usage ? (next ?? nothingReserved) : task.reserved
      this.tasks.set(task_id, { ...task, last_batch: batch, usage: spent(task.usage), reserved: own })
      const reserved = plusReserved(others, own)
      const moved = { version: session.version + 1, wake_at: this.now, usage: spent(session.usage), reserved }
      this.sessions.set(session.id, { ...session, ...(usage ? moved : {}), last_seq: session.last_seq + 1 })
      assertStore(this)
      return [{ task_id, last_batch: batch, last_seq: 0, number: 0, state: session.state, over }]
    })
  }

  #silence(ids: string[]) {
    return ids.flatMap((id) =>
      this.#touchHolders(id, () => {
        if (this.agents.has(id)) this.#setAgent(id, { state: 'OFFLINE' })
      }),
    )
  }

  /** Changes an agent; every session that it holds a task of is to be looked at now. */
  #touchHolders(agent_id: string, act: () => void) {
    const ids = [...new Set(this.heldBy(agent_id).map(({ session_id }) => session_id))]
    act()
    for (const id of ids) {
      const session = this.sessions.get(id)
      if (session) this.sessions.set(id, { ...session, version: session.version + 1, wake_at: this.now })
    }
    assertStore(this)
    return ids.map((id) => ({ id, tenant_id: defaultTenant }))
  }

  #setAgent(id: string, set: Partial<Agent>) {
    const agent = this.agents.get(id)
    if (!agent) throw new Error(`no agent ${id}`)
    this.agents.set(id, { ...agent, ...set })
  }

  #remove(id: string) {
    this.agents.delete(id)
    this.inbox = this.inbox.filter(({ agent_id }) => agent_id !== id)
  }

  #register([, id, name, , capabilities, capacity]: unknown[]) {
    const old = [...this.agents.values()].find((agent) => agent.name === name)
    this.tenant.wake_at = this.now
    if (old) {
      this.inbox = this.inbox.filter(({ agent_id }) => agent_id !== old.id)
      const woken = this.#touchHolders(old.id, () =>
        this.#setAgent(old.id, { state: 'ONLINE', incarnation: old.incarnation + 1 }),
      )
      return [{ ...this.agents.get(old.id), woken: woken.map((row) => row.id) }]
    }
    const agent = anAgent(String(name), {
      id: String(id),
      capabilities: strings(capabilities),
      capacity: Number(capacity),
    })
    this.agents.set(agent.id, agent)
    const places = [...this.agents.values()].reduce((all, one) => all + one.capacity, 0)
    this.mostPlaces = Math.max(this.mostPlaces, places)
    return [{ ...agent, woken: [] }]
  }

  #heartbeat(id: string) {
    const agent = this.agents.get(id)
    if (!agent) return []
    const returned = agent.state === 'OFFLINE'
    if (returned) this.#setAgent(id, { state: 'ONLINE' })
    const held = this.heldBy(id).map(({ id: task_id, attempt, session_id, state }) => ({
      task_id,
      attempt,
      session_id,
      state,
    }))
    return [{ state: returned ? 'ONLINE' : agent.state, returned, held }]
  }

  #tenantWake(seconds: number) {
    if (this.tenant.wake_at !== null && !this.isDue(this.tenant.wake_at)) return []
    const waits = [...this.agents.values()].some(({ state }) => state !== 'OFFLINE')
    this.tenant.wake_at = waits ? this.after(seconds * 1000) : null
    return [{ id: defaultTenant, waits }]
  }

  #sweepSessions() {
    const due = [...this.sessions.values()].filter(({ wake_at }) => this.isDue(wake_at))
    for (const session of due) this.sessions.set(session.id, { ...session, wake_at: this.after(60_000) })
    return due.map(({ id, tenant_id }) => ({ id, tenant_id }))
  }

  #sweepTenant() {
    if (!this.isDue(this.tenant.wake_at)) return []
    this.tenant.wake_at = this.after(60_000)
    return [{ id: defaultTenant }]
  }
}

/** What is missing in the rest of a task that moved is null; of columns that are never null it stays. */
const emptied = {
  waiting: null,
  failed_agent_id: null,
  not_before: null,
  result: null,
  error: null,
  ended_at: null,
} satisfies Partial<Task>

const parsed = (value: unknown) => JSON.parse(String(value))

/** Lines of one parameter; an empty one is null. */
const linesIn = (value: unknown) =>
  value === ''
    ? []
    : String(value)
        .split('\n')
        .map((line) => line || null)

/** Elements of an array of which none holds a comma. */
function elementsIn(value: unknown, numbers: boolean) {
  const inside = String(value).slice(1, -1)
  const elements = inside === '' ? [] : inside.split(',').map((text) => text.replaceAll('"', ''))
  return elements.map((text) => (text === 'NULL' ? null : numbers ? Number(text) : text))
}

/** Rows out of the parameters of their columns; the first is `$at`. */
function rowsIn<Row extends object>(values: unknown[], columns: Columns, at: number): Row[] {
  const names = Object.keys(columns)
  const given = names.map((name, i): unknown[] => {
    const value = values[at - 1 + i]
    if (columns[name] !== 'json') return elementsIn(value, columns[name] === 'int')
    return linesIn(value).map((line) => (line === null ? null : parsed(line)))
  })
  const rows: unknown[] = (given[0] ?? []).map((_, i) =>
    Object.fromEntries(names.map((name, j) => [name, given[j]?.[i] ?? null])),
  )
  return JSON.parse(JSON.stringify(rows))
}
const strings = (value: unknown) => (Array.isArray(value) ? value.map(String) : [])

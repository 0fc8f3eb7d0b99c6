import { defaultTenant, type Worker } from '#core/actor'
import { drainAgent, removeAgent } from '#core/agent/control'
import { heartbeat } from '#core/agent/heartbeat'
import { registerAgent } from '#core/agent/register'
import { commitAll } from '#core/change/commit'
import { type KnownRow, loadSessions, loadTasks, toKnown } from '#core/change/load.sql'
import { OrchestratorError } from '#core/error'
import { noLeases } from '#core/lock/lease'
import type { Presence } from '#core/lock/presence'
import { databaseServices, type Services } from '#core/services'
import { controlSession, patchSession, sendMessage } from '#core/session/control'
import { isTerminal } from '#core/session/states'
import { followAll } from '#core/step/follow'
import { type StepServices, step } from '#core/step/step'
import { sweep } from '#core/sweep/sweep'
import { controlTask } from '#core/task/control'
import { reportEvents } from '#core/task/report'
import { type Reported, reportStatement } from '#core/task/report.sql'
import { isTerminal as isTaskTerminal } from '#core/task/states'
import { addSubtasks } from '#core/task/subtask'
import type { MergeConflict } from '#core/task/wire'
import { claimTask, completeWork, declineTask, failWork, releaseWork } from '#core/task/work'
import { noBudget } from '#core/usage/budget'
import { noUsage } from '#core/usage/usage'
import { localBells } from '#core/wake/bell'
import type { Wake, WakeMessage } from '#core/wake/wake'
import { aSession, planOf } from '../known.ts'
import { operatorOf } from '../plant.ts'
import { callTokens, must } from './invariants.ts'
import { type Random, randomOf } from './random.ts'
import { Store } from './store.ts'

/** A task in the hands of a process; one that was told to pause hands it back. */
type Held = { attempt: number; batch: number; kind: string; paused: boolean }

/** A worker's process: what it believes that it holds, which the engine may see otherwise. */
type Process = {
  name: string
  worker: Worker
  beats: boolean
  holding: Map<string, Held>
}

const operator = operatorOf(defaultTenant)
const engine = { name: 'scripted', version: '1', model: 'none', rehearsal: true }
/** Refusals that a healthy world meets when everybody acts on what they last heard. */
const expected = new Set([
  'stale_attempt',
  'illegal_transition',
  'version_conflict',
  'not_found',
  'batch_gap',
  'subtask_invalid',
])
const silenceMs = 30_000

/**
 * One history from a seed: real verbs and steps on the model, with processes that die, wakes that are lost,
 * doubled and reordered, and others that get in between a look and its commit.
 */
export class History {
  store = new Store()
  random: Random
  #faults = true
  #depth = 0
  #queue: { wake: WakeMessage; due: string }[] = []
  #processes: Process[] = []
  #old: { worker: Worker; id: string; attempt: number }[] = []
  #beats = new Map<string, string>()
  #misses = new Map<string, Map<string, number>>()
  #claims = new Map<string, string>()
  #accepted = new Map<string, number>()
  #services: Services
  #stepServices: StepServices

  constructor(seed: number) {
    this.random = randomOf(seed)
    const database = this.store.open(() => this.#interfere())
    const known = async (statement: ReturnType<typeof loadTasks>) =>
      (await database.query<KnownRow>(null, statement)).map(toKnown)[0] ?? null
    const wake = async (wakes: Wake[]) => {
      for (const one of wakes) this.#send(one)
    }
    const shared = { database, presence: this.#presence(), bells: localBells(), wake }
    // Without gathering: a flight that waits for one who gets in between would wait for itself.
    this.#services = {
      ...databaseServices(database, shared.presence),
      ...shared,
      assignment: async () => ({ prompt: '', inputs: [], messages: [] }),
      commit: async (draft) => (await commitAll(database, null, [draft]))[0] ?? 'conflict',
      load: {
        session: (_, id) => known(loadSessions([id])),
        task: (_, id) => known(loadTasks([id])),
      },
      follow: async (tenant_id, said) => (await followAll(shared, tenant_id, [said]))[0] ?? 'alone',
      report: async (_, report) =>
        (await database.query<Reported>(null, reportStatement([report])))[0] ?? 'refused',
    }
    this.#stepServices = { ...shared, leases: noLeases, report: (event) => this.#onReport(event) }
  }

  #onReport(report: Parameters<StepServices['report']>[0]) {
    if (report.event === 'step_failed') throw new Error(report.reason)
  }

  #presence(): Presence {
    const since = (time: string | undefined) => Date.parse(this.store.now) - Date.parse(time ?? '')
    return {
      beat: async ({ id }) => void this.#beats.set(id, this.store.now),
      alive: async (agents) =>
        this.#faults && this.random.chance(0.1)
          ? null
          : new Set(agents.map(({ id }) => id).filter((id) => since(this.#beats.get(id)) < silenceMs)),
      heard: async () => new Map(),
      missed: async ({ id }, tasks) => {
        const before = this.#misses.get(id)
        const counts = new Map(tasks.map((task) => [task, (before?.get(task) ?? 0) + 1]))
        this.#misses.set(id, counts)
        return counts
      },
    }
  }

  #send({ delay_seconds, ...wake }: Wake) {
    if (this.#faults && this.random.chance(0.25)) return
    const copies = this.#faults && this.random.chance(0.15) ? 2 : 1
    const due = this.store.after((delay_seconds ?? 0) * 1000)
    for (let i = 0; i < copies; i++) this.#queue.push({ wake, due })
  }

  /** Between a look and its commit somebody else may act: the commit then meets another version. */
  async #interfere() {
    if (!this.#faults || this.#depth > 0 || !this.random.chance(0.15)) return
    this.#depth += 1
    await this.#act()
    this.#depth -= 1
  }

  /** Does something, and lets pass only what a healthy world refuses. */
  async #try(what: () => Promise<unknown>) {
    try {
      await what()
      return true
    } catch (error) {
      if (error instanceof OrchestratorError && expected.has(error.code)) return false
      throw error
    }
  }

  /** Runs the whole history: faults, then none until all that was started has ended. */
  async run(acts: number) {
    const { below, chance } = this.random
    for (let i = 0; i <= below(3); i++) await this.#register(`worker-${i}`)
    for (let i = 0; i <= below(3); i++) await this.#create(chance(0.3))
    for (let i = 0; i < acts; i++) await this.#act()
    await this.#settle()
    return { commits: this.store.commits, conflicts: this.store.conflicts }
  }

  async #act() {
    this.store.pass(this.random.below(200))
    const weights = { deliver: 30, work: 40, operate: 9, beat: 14, time: 8, sweep: 3, process: 6 }
    switch (this.random.weighted(weights)) {
      case 'deliver':
        return this.#deliver()
      case 'work':
        return this.#work()
      case 'operate':
        return this.#operate()
      case 'beat':
        return this.#beat(this.random.pick(this.#processes))
      case 'time':
        return this.#pass()
      case 'sweep':
        return void (await this.#sweep())
      case 'process':
        return this.#disturb()
    }
  }

  /** Mostly seconds; at times past the grace, an offer's end or a silence; seldom past an attempt's end. */
  #pass() {
    const long = { seconds: 12, minute: 6, hours: 1 }
    const most = { seconds: 10_000, minute: 70_000, hours: 9_000_000 }
    this.store.pass(this.random.below(most[this.random.weighted(long)]))
  }

  #sweep() {
    return sweep({ database: this.#stepServices.database, wake: this.#stepServices.wake })
  }

  /** Some of the wakes that are due, in any order, as one batch. */
  async #deliver() {
    const due = this.#queue.filter((message) => this.store.isDue(message.due))
    const batch = due.filter(() => this.random.chance(0.5)).slice(0, 4)
    this.#queue = this.#queue.filter((message) => !batch.includes(message))
    if (batch.length > 0)
      await step(
        this.#stepServices,
        batch.reverse().map(({ wake }) => wake),
      )
  }

  async #register(name: string) {
    const capabilities = ['PLANNING', 'CODE_GENERATION', 'INTEGRATION']
    const input = { name, engine, capabilities, capacity: 1 + (name.length % 2), labels: [] }
    const { agent } = await registerAgent(this.#services, operator, input)
    const worker = { kind: 'agent', tenant_id: defaultTenant, agent_id: agent.id } as const
    this.#processes = this.#processes.filter((process) => process.name !== name)
    this.#processes.push({ name, worker, beats: true, holding: new Map() })
  }

  async #create(planless: boolean) {
    const plans = [planOf(['a'], ['b', 'a']), planOf(['a'], ['b'], ['c', 'a', 'b']), planOf(['a'])]
    const queued = this.random.chance(0.8)
    const seconds = this.random.chance(0.15) ? 120 : null
    const tokens = this.random.chance(0.3) ? (this.random.pick([41, 81, 100, 300]) ?? 41) : null
    const session = aSession({
      plan: planless ? null : (this.random.pick(plans) ?? null),
      state: queued ? 'QUEUED' : 'PENDING',
      budget: { ...noBudget, seconds, tokens },
      queued_at: queued ? this.store.now : null,
      started_at: null,
      wake_at: queued ? this.store.now : null,
    })
    this.store.sessions.set(session.id, session)
    if (queued) this.#send({ kind: 'session', tenant_id: defaultTenant, session_id: session.id })
  }

  async #operate() {
    const session = this.random.pick([...this.store.sessions.values()])
    if (!session) return
    const { id } = session
    const what = this.random.weighted({
      start: 3,
      pause: 4,
      resume: 4,
      stop: 1,
      retry: 3,
      patch: 2,
      message: 2,
      task: 3,
    })
    const accepted = await this.#try(() => {
      if (what === 'patch') return patchSession(this.#services, operator, id, { budget: noBudget }, null)
      if (what === 'task') return this.#operateTask(id)
      if (what === 'message') return sendMessage(this.#services, operator, id, 'hello')
      return controlSession(this.#services, operator, id, what)
    })
    if (what !== 'retry' || !accepted || !isTerminal(session.state)) return
    const left = this.store
      .tasksOf(id)
      .filter((task) => task.state === 'FAILED' || task.state === 'CANCELLED')
    must(left.length === 0, `a retry left ${left.length} tasks as they were`)
  }

  async #operateTask(session_id: string) {
    const task = this.random.pick(this.store.tasksOf(session_id))
    const action = this.random.weighted({ cancel: 1, retry: 3 })
    if (task) await controlTask(this.#services, operator, task.id, action)
  }

  /** A process dies, comes back as another, goes silent, is drained or removed. */
  async #disturb() {
    const process = this.random.pick(this.#processes)
    if (!process) return
    const { name, worker } = process
    const what = this.random.weighted({ silent: 4, forget: 3, restart: 3, drain: 2, remove: 1 })
    if (what === 'silent') process.beats = false
    if (what === 'forget') process.holding.clear()
    if (what === 'restart') await this.#register(name)
    if (what === 'drain') await this.#try(() => drainAgent(this.#services, operator, worker.agent_id))
    if (what === 'remove') {
      await this.#try(() => removeAgent(this.#services, operator, worker.agent_id))
      await this.#register(name)
    }
  }

  async #beat(process: Process | undefined) {
    if (!process) return
    if (!process.beats && this.random.chance(0.7)) return
    process.beats = true
    const holding = [...process.holding].map(([task_id, { attempt }]) => ({ task_id, attempt }))
    await this.#try(async () => {
      const { drop } = await heartbeat(this.#services, process.worker, { holding, repositories: [] })
      for (const { task_id } of drop) process.holding.delete(task_id)
    })
  }

  /** One process reads an item of its inbox, goes on with what it holds, or repeats an old call. */
  async #work() {
    const process = this.random.pick(this.#processes)
    if (!process) return
    const item = this.random.pick(this.store.inbox.filter((one) => one.agent_id === process.worker.agent_id))
    const held = this.random.pick([...process.holding])
    if (item && (!held || this.random.chance(0.6))) await this.#read(process, item)
    else if (held) await this.#goOn(process, held[0], held[1])
    else await this.#repeat()
  }

  async #read(process: Process, item: Store['inbox'][number]) {
    const { task_id: id, attempt, kind } = item
    // An ack may be lost: the item comes again.
    if (!this.#faults || this.random.chance(0.7))
      this.store.inbox = this.store.inbox.filter((one) => one !== item)
    if (kind === 'INTERRUPT') {
      const held = process.holding.get(id)
      if (held?.attempt === attempt && (!this.#faults || this.random.chance(0.7)))
        await this.#release(process, id)
    }
    if (kind !== 'OFFER') return
    if (this.#faults && this.random.chance(0.15))
      return void (await this.#try(() => declineTask(this.#services, process.worker, id, attempt, 'no')))
    await this.#try(() => this.#claim(process, id, attempt))
  }

  async #claim({ worker, holding }: Process, id: string, attempt: number) {
    const { task } = await claimTask(this.#services, worker, id, attempt, true)
    const holder = `${id}:${attempt}`
    const before = this.#claims.get(holder) ?? worker.agent_id
    must(before === worker.agent_id, `${task.key} at attempt ${attempt} was claimed by two agents`)
    must(!this.#accepted.has(id), `${task.key} was claimed after it was COMPLETED`)
    this.#claims.set(holder, worker.agent_id)
    holding.set(id, { attempt, batch: 0, kind: task.kind, paused: false })
    this.#old.push({ worker, id, attempt })
  }

  async #goOn(process: Process, id: string, held: Held) {
    const { worker } = process
    const { attempt } = held
    const faulty = { complete: 5, report: 4, fail: 3, release: 1, conflict: 2, wait: 3, subtasks: 2 }
    const what = held.paused ? 'release' : this.#faults ? this.random.weighted(faulty) : 'complete'
    if (what === 'subtasks') return void (await this.#addSubtasks(worker, id, attempt))
    if (what === 'complete') return this.#complete(worker, id, attempt, held.batch, process)
    if (what === 'release') return void (await this.#release(process, id))
    if (what === 'conflict') return void (await this.#conflict(process, id))
    if (what === 'fail') {
      const failure = { code: 'check_failed' as const, message: 'exit 1', retryable: this.random.chance(0.8) }
      const body = { attempt, batch: held.batch, ...failure }
      await this.#end(process, id, () => failWork(this.#services, worker, id, body))
    }
    if (what === 'report') {
      const usage = this.random.chance(0.6) ? { ...noUsage, input_tokens: callTokens } : undefined
      const batch = { attempt, batch: held.batch + 1, events: [], ...(usage ? { usage } : {}) }
      await this.#try(async () => {
        const { action } = await reportEvents(this.#services, worker, id, batch)
        held.batch += 1
        held.paused = action === 'pause'
      })
    }
  }

  /** At times of a name that is taken, or that waits for itself: nothing must come of that. */
  #addSubtasks(worker: Worker, id: string, attempt: number) {
    const names = [...this.store.tasks.values()].map(({ key }) => key)
    const key = this.random.chance(0.8) ? `sub-${this.random.below(1_000)}` : (this.random.pick(names) ?? 'a')
    const depends_on = this.random.chance(0.3) ? [this.random.pick(names) ?? 'a'] : []
    const tasks = planOf(
      [key, ...depends_on],
      ...(this.random.chance(0.3) ? [[`${key}-b`, key] as const] : []),
    ).tasks
    return this.#try(() => addSubtasks(this.#services, worker, id, { attempt, tasks }))
  }

  async #complete(worker: Worker, id: string, attempt: number, batch: number, process?: Process) {
    const kind = this.store.tasks.get(id)?.kind
    const plan = kind === 'PLAN' ? { plan: planOf(['a'], ['b', 'a']) } : {}
    const nothing = {
      commit: null,
      base_commit: null,
      artifact_id: null,
      patch_artifact_id: null,
      diff: null,
    }
    const body = { attempt, batch, summary: 'Done.', checks: [], ...nothing, ...plan }
    const accepted = await this.#try(() => completeWork(this.#services, worker, id, body))
    process?.holding.delete(id)
    if (!accepted) return
    const before = this.#accepted.get(id) ?? attempt
    must(before === attempt, `task ${id} was completed at attempts ${before} and ${attempt}`)
    this.#accepted.set(id, attempt)
  }

  #release(process: Process, id: string) {
    const attempt = process.holding.get(id)?.attempt ?? 0
    return this.#end(process, id, () => releaseWork(this.#services, process.worker, id, attempt, 'asked'))
  }

  /** Two finished tasks of the session do not merge; whose they are does not matter to the engine. */
  async #conflict(process: Process, id: string) {
    const session_id = this.store.tasks.get(id)?.session_id ?? ''
    const finished = this.store
      .tasksOf(session_id)
      .filter(({ kind, state }) => kind !== 'PLAN' && state === 'COMPLETED')
    const keys = finished.slice(-2).map(({ key }) => key)
    if (keys.length < 2) return
    const attempt = process.holding.get(id)?.attempt ?? 0
    const conflict: MergeConflict = { keys, commits: ['a'.repeat(40), 'b'.repeat(40)], files: ['a.txt'] }
    const { worker } = process
    await this.#end(process, id, () => releaseWork(this.#services, worker, id, attempt, 'conflict', conflict))
  }

  async #end(process: Process, id: string, act: () => Promise<unknown>) {
    await this.#try(act)
    process.holding.delete(id)
  }

  /** A call that comes late, or again, of an attempt that may be long over; or of one that is another's. */
  async #repeat() {
    const late = this.random.pick(this.#old)
    if (!late) return
    if (this.random.chance(0.5)) return this.#complete(late.worker, late.id, late.attempt, 0)
    const other = this.random.pick(this.#processes)?.worker
    const task = this.store.tasks.get(late.id)
    if (!other || !task || other.agent_id === task.agent_id) return
    const { id, attempt } = task
    const calls = [
      () => claimTask(this.#services, other, id, attempt, true),
      () => releaseWork(this.#services, other, id, attempt, 'not mine'),
    ]
    for (const call of calls)
      must(!(await this.#try(call)), `${task.key} obeyed an agent that does not hold it`)
  }

  /** No faults any more: what was started ends, within a bound. */
  async #settle() {
    this.#faults = false
    for (const { name } of [...this.#processes]) await this.#register(name)
    const isOpen = () =>
      [...this.store.sessions.values()].filter(({ state }) => state !== 'PENDING' && !isTerminal(state))
    for (let round = 0; isOpen().length > 0; round++) {
      must(round < 200, `${isOpen().map(({ state }) => state)} after ${round} rounds without faults`)
      for (const { id, state } of isOpen())
        if (state === 'PAUSED')
          await this.#try(async () => {
            await patchSession(this.#services, operator, id, { budget: noBudget }, null)
            await controlSession(this.#services, operator, id, 'resume')
          })
      for (const process of this.#processes) await this.#beat(process)
      for (let i = 0; i < 12; i++) await this.#work()
      await this.#sweep()
      for (let i = 0; i < 6; i++) await this.#deliver()
      this.store.pass(3_000)
    }
    this.#assertEnd()
  }

  #assertEnd() {
    for (const agent of this.store.agents.values())
      must(agent.active === 0, `${agent.name} has slots taken at the end`)
    for (const session of this.store.sessions.values()) {
      if (session.state === 'PENDING') continue
      must(session.wake_at === null || this.#isLate(session.wake_at), `${session.state} still wakes`)
      must(
        this.store.tasksOf(session.id).every(({ state }) => isTaskTerminal(state)),
        'a task is open at the end',
      )
    }
  }

  /** A terminal session may still be due once: by the report that came just before. */
  #isLate(time: string) {
    return Date.parse(time) <= Date.parse(this.store.after(60_000))
  }
}

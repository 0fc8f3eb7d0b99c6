import { describe, expect, it } from 'vitest'
import type { Agent } from '#core/agent/agent'
import type { Draft } from '#core/change/draft'
import type { Task } from '#core/task/task'
import { limits } from '#core/task/task'
import { aDraft, anAgent, aSession, aTask, at, deepFreeze, taskNamed } from '../../test/known.ts'
import { admit, assign, type Fleet } from './dispatch.ts'
import { inOrder } from './route.ts'

const fleetOf = (agents: Agent[], set: Partial<Fleet> = {}): Fleet =>
  deepFreeze({ agents, running_sessions: 0, max_running_sessions: 100, ...set })

function assigned(tasks: Task[], agents: Agent[], seconds = 0, session = aSession()) {
  const draft = aDraft(session, deepFreeze(tasks), seconds)
  assign([draft], fleetOf(agents))
  return draft
}

const holderOf = (draft: Draft, key: string, agents: Agent[]) =>
  agents.find(({ id }) => id === taskNamed(draft, key).agent_id)?.name ?? null

describe('an assignment', () => {
  const agent = anAgent('a', { incarnation: 4 })

  it('reserves a slot, raises the attempt and puts an offer with a deadline into the inbox', () => {
    const task = aTask('one', { attempt: 2, last_batch: 9, not_before: at(1) })
    const draft = assigned([task], [agent], 10)
    expect(taskNamed(draft, 'one')).toMatchObject({
      state: 'ASSIGNED',
      attempt: 3,
      agent_id: agent.id,
      agent_incarnation: 4,
      deadline: at(10 + limits.offer_ms / 1000),
      last_batch: 0,
      not_before: null,
      waiting: null,
    })
    const slot = { agent_id: agent.id, incarnation: 4, take: 1, give: 0, outcome: '' }
    expect(draft.slots).toEqual([{ ...slot, capability: 'CODE_GENERATION' }])
    expect(draft.inbox).toMatchObject([{ kind: 'OFFER', agent_id: agent.id, task_id: task.id, attempt: 3 }])
  })

  it('names the best candidates, at most three, their scores and why', () => {
    const url = 'https://example.com/a.git'
    const agents = Array.from({ length: 8 }, (_, i) => anAgent(`a${i}`))
    const best = anAgent('best', {
      capacity: 2,
      active: 1,
      proven: { CODE_GENERATION: '1'.repeat(16) },
      repositories: [url],
    })
    const done = aTask('done', { state: 'COMPLETED', agent_id: best.id })
    const session = aSession({ repository: { url, base: null } })
    const tasks = [done, aTask('one', { depends_on: ['done'] })]
    const [event] = assigned(tasks, [...agents, best], 0, session).events
    const scores = { name: 'best', score: 0.8, success: 0.95, load: 0.5, affinity: 1 }
    const newcomer = { score: 0.725, success: 0.75, load: 0, affinity: 0 }
    expect(event?.data).toMatchObject({
      agent: 'best',
      attempt: 1,
      candidates: [
        { agent_id: best.id, ...scores },
        { name: 'a0', ...newcomer },
        { name: 'a1', ...newcomer },
      ],
      candidates_free: 9,
      why:
        '16 of its last 16 CODE_GENERATION succeeded, 1 of 2 slots free, holds the repository, ' +
        'did what it depends on',
    })
  })

  it('is for READY tasks of RUNNING sessions whose backoff is over, and for nothing else', () => {
    const many = anAgent('a', { capacity: 64 })
    const tasks = [
      aTask('ready', { not_before: at(5) }),
      aTask('later', { not_before: at(6) }),
      aTask('blocked', { state: 'BLOCKED' }),
      aTask('over', { state: 'COMPLETED' }),
    ]
    const draft = assigned(tasks, [many], 5)
    expect([...draft.touched]).toEqual([tasks[0]?.id])
    for (const state of ['QUEUED', 'PAUSING', 'STOPPING', 'PAUSED', 'FAILED'] as const)
      expect(assigned([aTask('one')], [many], 0, aSession({ state })).touched.size, state).toBe(0)
  })

  it('never takes more than the free slots', () => {
    const agents = [anAgent('a', { capacity: 3, active: 1 }), anAgent('b', { capacity: 2, active: 2 })]
    const tasks = Array.from({ length: 10 }, (_, i) => aTask(`t${i}`))
    expect(assigned(tasks, agents).slots.map(({ agent_id }) => agent_id)).toEqual([
      agents[0]?.id,
      agents[0]?.id,
    ])
  })

  it('gives an agent on probation one task at a time', () => {
    const tasks = [aTask('one'), aTask('two')]
    const shaky = anAgent('a', { capacity: 8, recent: '00000' })
    expect(assigned(tasks, [shaky]).slots).toHaveLength(1)
    expect(assigned(tasks, [{ ...shaky, active: 1 }]).slots).toHaveLength(0)
  })

  it('is never for an agent that is DRAINING or OFFLINE', () => {
    for (const state of ['DRAINING', 'OFFLINE'] as const)
      expect(assigned([aTask('one')], [anAgent('a', { state })]).slots).toHaveLength(0)
  })
})

describe('the choice', () => {
  it('avoids the agent that just failed the task when another could take it', () => {
    const failed = anAgent('failed', { recent: '1'.repeat(50) })
    const other = anAgent('other')
    const task = aTask('one', { failed_agent_id: failed.id })
    expect(holderOf(assigned([task], [failed, other]), 'one', [failed, other])).toBe('other')
    expect(holderOf(assigned([task], [failed]), 'one', [failed])).toBe('failed')
    const unable = { ...other, capabilities: ['TESTING'] }
    expect(holderOf(assigned([task], [failed, unable]), 'one', [failed, unable])).toBe('failed')
    const busy = { ...other, active: 1 }
    expect(holderOf(assigned([task], [failed, busy]), 'one', [failed, busy])).toBeNull()
  })

  it('goes by the labels that the session asks for', () => {
    const agents = [anAgent('cpu'), anAgent('gpu', { labels: ['gpu', 'eu'] })]
    const holder = (...labels: string[]) =>
      holderOf(assigned([aTask('one')], agents, 0, aSession({ labels })), 'one', agents)
    expect(holder('agent:gpu', 'agent:eu', 'team:web')).toBe('gpu')
    expect(holder('agent:gpu', 'agent:us')).toBeNull()
    expect(holder('team:web')).toBe('cpu')
  })

  const marks = (recent: string, capability = 'CODE_GENERATION') => ({
    recent,
    proven: { [capability]: recent },
  })

  it('prefers proven success, then free load, then who is near', () => {
    const url = 'https://example.com/a.git'
    const session = aSession({ repository: { url, base: null } })
    const doer = anAgent('doer', { capacity: 2 })
    const done = aTask('done', { state: 'COMPLETED', agent_id: doer.id })
    const tasks = [done, aTask('one', { depends_on: ['done'] })]
    const best = (agents: Agent[]) => holderOf(assigned(tasks, agents, 0, session), 'one', agents)
    const good = anAgent('good', { capacity: 2, active: 1, ...marks('1'.repeat(50)) })
    const bad = anAgent('bad', { capacity: 2, active: 1, ...marks('1010101011') })
    expect(best([bad, good])).toBe('good')
    const idle = anAgent('idle', { capacity: 2 })
    expect(best([anAgent('half', { capacity: 2, active: 1 }), idle])).toBe('idle')
    expect(best([idle, anAgent('mirror', { capacity: 2, repositories: [url] })])).toBe('mirror')
    expect(best([idle, doer])).toBe('doer')
  })

  it('goes by what was proved of the capability that the task needs, not of others', () => {
    const tester = anAgent('tester', marks('1'.repeat(50), 'TESTING'))
    const coder = anAgent('coder', marks('1'.repeat(10)))
    expect(holderOf(assigned([aTask('one')], [tester, coder]), 'one', [tester, coder])).toBe('coder')
    const failing = { ...tester, proven: { ...tester.proven, CODE_GENERATION: '0' } }
    const agents = [failing, anAgent('new')]
    expect(holderOf(assigned([aTask('one')], agents), 'one', agents)).toBe('new')
  })

  it('tries newcomers without preferring them to one that has proved itself', () => {
    const agents = [anAgent('new'), anAgent('proven', marks('1'.repeat(20)))]
    expect(holderOf(assigned([aTask('one')], agents), 'one', agents)).toBe('proven')
    const poor = [anAgent('new'), anAgent('poor', marks('0011'))]
    expect(holderOf(assigned([aTask('one')], poor), 'one', poor)).toBe('new')
  })
})

describe('the order', () => {
  const keys = (tasks: Task[]) => inOrder(tasks).map(({ key }) => key)

  it('is by priority, then age, then id', () => {
    const tasks = [
      aTask('low', { priority: 'LOW' }),
      aTask('new', { ready_at: at(9) }),
      aTask('old', { ready_at: at(3) }),
      aTask('critical', { priority: 'CRITICAL', ready_at: at(9) }),
      aTask('same', { ready_at: at(9) }),
    ]
    expect(keys(tasks)).toEqual(['critical', 'old', 'new', 'same', 'low'])
    expect(keys([...tasks].reverse())).toEqual(['critical', 'old', 'new', 'same', 'low'])
  })

  it('lets age win over priority, so that LOW is never starved', () => {
    const low = aTask('low', { priority: 'LOW', ready_at: at(0) })
    const agent = anAgent('a')
    let served = -1
    for (let now = 0; served < 0 && now < 3_600; now += 60) {
      const fresh = aTask('fresh', { priority: 'CRITICAL', ready_at: at(now) })
      if (holderOf(assigned([fresh, low], [agent], now), 'low', [agent])) served = now
    }
    expect(served).toBeGreaterThan(600)
    expect(served).toBeLessThanOrEqual(1_000)
  })
})

describe('why nobody takes a task', () => {
  const reasonOf = (agents: Agent[], session = aSession()) =>
    taskNamed(assigned([aTask('one')], agents, 0, session), 'one').waiting

  it('is said in words, with the capability and the remedy', () => {
    expect(reasonOf([])).toMatchObject({
      reason: 'no_agent',
      sentence:
        'Waits for an agent with CODE_GENERATION: no agent is online. ' +
        'Start one with: npx orchestrator agent start --capabilities CODE_GENERATION',
    })
    const unable = [anAgent('a', { capabilities: ['TESTING'] })]
    expect(reasonOf(unable)?.sentence).toContain('none of 1 online agent has it')
    const busy = [anAgent('a', { active: 1 }), anAgent('b', { active: 1 })]
    expect(reasonOf(busy)).toMatchObject({ reason: 'agents_busy' })
    expect(reasonOf(busy)?.sentence).toContain('all 2 that have it are busy')
    const [one] = busy
    expect(reasonOf(one ? [one] : [])?.sentence).toContain('the one that has it is busy')
  })

  it('names the labels when it is for them', () => {
    const { sentence } = reasonOf([anAgent('a')], aSession({ labels: ['agent:gpu'] })) ?? {}
    expect(sentence).toContain('CODE_GENERATION and the label gpu')
    expect(sentence).toContain('--capabilities CODE_GENERATION --label gpu')
    expect(sentence).toContain(': a could do it but for the label.')
    const many = Array.from({ length: 5 }, (_, i) => anAgent(`a${i}`))
    const why = reasonOf(many, aSession({ labels: ['agent:gpu'] }))?.sentence
    expect(why).toContain(': a0, a1, a2 and 2 more could do it but for the label.')
  })

  it('is stored when it changes and not again', () => {
    const first = assigned([aTask('one')], [])
    expect(first.touched.size).toBe(1)
    const again = assigned([...first.tasks.values()], [], 60)
    expect(again.touched.size).toBe(0)
    expect(assigned([...first.tasks.values()], [anAgent('a', { active: 1 })], 60).touched.size).toBe(1)
  })
})

describe('admission', () => {
  const queued = (priority: 'LOW' | 'HIGH', seconds: number) =>
    aDraft(aSession({ state: 'QUEUED', priority, queued_at: at(seconds), started_at: null }), [], 100)

  it('lets the most urgent and oldest run, as many as the tenant may', () => {
    const [low, late, early] = [queued('LOW', 1), queued('HIGH', 3), queued('HIGH', 2)]
    const running = aDraft(aSession())
    const count = admit(
      [low, running, late, early],
      fleetOf([], { running_sessions: 1, max_running_sessions: 3 }),
    )
    expect(count).toBe(2)
    expect([low, late, early].map(({ session }) => session.state)).toEqual(['QUEUED', 'RUNNING', 'RUNNING'])
    expect(early).toMatchObject({ trigger: 'SESSION_STARTED', session: { started_at: at(100) } })
    expect(running.sessionTouched).toBe(false)
  })

  it('lets age win over priority, so that LOW is never starved', () => {
    for (const [waited, state] of [
      [599, 'QUEUED'],
      [601, 'RUNNING'],
    ] as const) {
      const low = queued('LOW', 0)
      admit([queued('HIGH', waited), low], fleetOf([], { max_running_sessions: 1 }))
      expect(low.session.state).toBe(state)
    }
  })

  it('lets nobody run where more run than may', () => {
    expect(admit([queued('HIGH', 1)], fleetOf([], { running_sessions: 5, max_running_sessions: 3 }))).toBe(0)
  })

  it('keeps the first start of a session that was resumed', () => {
    const resumed = aDraft(aSession({ state: 'QUEUED', started_at: at(7) }), [], 100)
    admit([resumed], fleetOf([]))
    expect(resumed.session.started_at).toBe(at(7))
  })
})

describe('a decision for 1,000 ready tasks and 200 agents', () => {
  it('fills every slot with the most urgent, and explains the rest', () => {
    const urgent = (i: number) => (i % 4 === 0 ? 'CRITICAL' : 'LOW')
    const drafts = Array.from({ length: 100 }, () =>
      aDraft(
        aSession(),
        Array.from({ length: 10 }, (_, i) => aTask(`t${i}`, { priority: urgent(i) })),
      ),
    )
    const agents = Array.from({ length: 200 }, (_, i) => anAgent(`a${i}`, { capacity: 2 }))
    assign(drafts, fleetOf(agents))
    const slots = drafts.flatMap((draft) => draft.slots)
    expect(slots).toHaveLength(400)
    for (const { id } of agents) expect(slots.filter(({ agent_id }) => agent_id === id)).toHaveLength(2)
    const tasks = drafts.flatMap((draft) => [...draft.tasks.values()])
    expect(tasks.filter((task) => task.priority === 'CRITICAL' && task.state !== 'ASSIGNED')).toEqual([])
    expect(tasks.filter((task) => task.waiting?.reason === 'agents_busy')).toHaveLength(600)
  })
})

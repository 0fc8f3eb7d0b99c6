import { describe, expect, test } from 'vitest'
import { wellKnownCapabilities } from '#core/capabilities'
import type { Agent } from '../../api/types.ts'
import { coverageOf, freeSlotsOf, startCommand, tierFigures } from './coverage.ts'

const agent = (part: Partial<Agent>): Agent => ({
  id: 'agt_1',
  name: 'one',
  engine: { name: 'scripted', version: '1', model: '', rehearsal: true },
  capabilities: [],
  capacity: 2,
  labels: [],
  state: 'ONLINE',
  active: 0,
  finished: 0,
  succeeded: 0,
  repositories: [],
  registered_at: '',
  last_heartbeat_at: '',
  tier: 'STANDARD',
  load: 0,
  success_rate: null,
  success_rates: {},
  ...part,
})

describe('coverage', () => {
  test('names what keeps work waiting first, then what nobody has', () => {
    const agents = [
      agent({ capabilities: ['PLANNING'], active: 2 }),
      agent({ id: 'agt_2', capabilities: ['TESTING'], state: 'OFFLINE' }),
      agent({ id: 'agt_3', capabilities: ['DEBUGGING'] }),
    ]
    const rows = coverageOf(agents, [{ capability: 'PLANNING' }, { capability: 'GPU' }])
    expect(rows.slice(0, 2).map(({ capability, standing }) => [capability, standing])).toEqual([
      ['GPU', 'gap'],
      ['PLANNING', 'busy'],
    ])
    const standing = new Map(rows.map((row) => [row.capability, row.standing]))
    expect(standing.get('TESTING')).toBe('gap')
    expect(standing.get('DEBUGGING')).toBe('covered')
    expect(rows).toHaveLength(wellKnownCapabilities.length + 1)
  })

  test('counts one slot of an agent on probation, and none of one that drains', () => {
    expect(freeSlotsOf(agent({ capacity: 4, tier: 'PROBATION' }))).toBe(1)
    expect(freeSlotsOf(agent({ capacity: 4, tier: 'PROBATION', active: 2 }))).toBe(0)
    expect(freeSlotsOf(agent({ state: 'DRAINING' }))).toBe(0)
  })

  test('tells the figures behind a tier, and none where nothing is finished', () => {
    expect(tierFigures({ finished: 120, success_rate: 0.96 })).toEqual({ counted: 50, succeeded: 48 })
    expect(tierFigures({ finished: 0, success_rate: null })).toBeNull()
  })

  test('starts an agent with the address only where it is not the usual one', () => {
    expect(startCommand('http://localhost:8000/api/v1', 'a', ['TESTING'])).toBe(
      'npx orchestrator agent start --name a --capabilities TESTING',
    )
    expect(startCommand('https://api.example.com/api/v1', 'a', [])).toBe(
      'npx orchestrator --api https://api.example.com/api/v1 agent start --name a',
    )
  })
})

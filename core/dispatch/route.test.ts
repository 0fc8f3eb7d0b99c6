import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { successOf } from '#core/agent/agent'
import { anAgent, aSession, aTask } from '../../test/known.ts'
import { type Candidate, candidatesOf, rankings, route } from './route.ts'

const url = 'https://example.com/a.git'
const session = aSession({ repository: { url, base: null } })
const capabilities = ['CODE_GENERATION', 'TESTING']

const fleet = fc.array(
  fc.record({
    capabilities: fc.subarray(capabilities),
    capacity: fc.integer({ min: 1, max: 4 }),
    active: fc.integer({ min: 0, max: 4 }),
    marks: fc.constantFrom('', '1', '0', '1101'),
    holds: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
)
const places = fc.array(fc.nat(7), { maxLength: 3 })
const asked = fc.array(
  fc.record({
    capability: fc.constantFrom(...capabilities),
    failed: fc.option(fc.nat(7)),
    did: places,
    kept: places,
  }),
  { maxLength: 25 },
)

/** Every agent is looked at anew. */
function look(
  candidates: Candidate[],
  capability: string,
  failed: string | null,
  did: Set<string>,
  kept: Map<string, 1>,
) {
  const able = candidates.filter(({ agent }) => agent.capabilities.includes(capability))
  const avoid = able.some(({ agent }) => agent.id !== failed)
  const rated = able.flatMap(({ agent, free: left }) => {
    const free = left + (kept.has(agent.id) ? 1 : 0)
    if (free === 0 || (avoid && agent.id === failed)) return []
    const worth = 0.5 * successOf(agent, capability) + (agent.repositories.includes(url) ? 0.075 : 0)
    const score = worth + 0.35 * (free / agent.capacity) + (did.has(agent.id) ? 0.075 : 0)
    return [{ agent_id: agent.id, score }]
  })
  return rated.sort((a, b) => b.score - a.score || (a.agent_id < b.agent_id ? -1 : 1))
}

describe('the best of a ranking', () => {
  it('is who a look at every agent would find, whatever was handed out before', () => {
    fc.assert(
      fc.property(fleet, asked, (drawn, tasks) => {
        const agents = drawn.map(({ marks, holds, ...set }, i) =>
          anAgent(`a${i}`, {
            ...set,
            proven: { CODE_GENERATION: marks },
            repositories: holds ? [url] : [],
          }),
        )
        const candidates = candidatesOf(agents)
        const { of, take } = rankings(candidates)
        const idOf = (place: number) => agents[place]?.id ?? 'nobody'
        for (const { capability, failed, did, kept: keepers } of tasks) {
          const doers = new Set(did.map(idOf))
          const kept = new Map(keepers.map((place) => [idOf(place), 1] as const))
          const failed_agent_id = failed === null ? null : idOf(failed)
          const task = aTask('one', { capability, failed_agent_id })
          const routed = route(of(task, session), task, { doers, kept })
          const all = look(candidates, capability, failed_agent_id, doers, kept)
          expect(routed?.candidates_free ?? 0).toBe(all.length)
          expect(routed?.candidates.map(({ agent_id }) => agent_id) ?? []).toEqual(
            all.slice(0, 3).map(({ agent_id }) => agent_id),
          )
          if (routed && !kept.has(routed.candidate.agent.id)) take(routed.candidate)
        }
      }),
      { numRuns: 500 },
    )
  })
})

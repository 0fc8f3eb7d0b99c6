import { afterAll, beforeAll, expect, it } from 'vitest'
import { defaultTenant } from '#core/actor'
import { createSession } from '#core/session/create'
import { NewSession } from '#core/session/session'
import { step } from '#core/step/step'
import { testDatabase } from '../database.ts'
import { planOf } from '../known.ts'
import { openPlant, type Plant } from '../plant.ts'

let plant: Plant
beforeAll(async () => {
  plant = openPlant((await testDatabase()).url, { automatic: false })
})
afterAll(() => plant.close())

it('1,000 ready tasks are handed to 200 agents by one look, one decision and one statement', async () => {
  const plan = planOf(...Array.from({ length: 10 }, (_, i): [string] => [`t${i}`]))
  const input = NewSession.parse({ title: 'x', prompt: 'x', plan, start: true })
  for (let i = 0; i < 100; i++) await createSession(plant.services, plant.operator, input)
  await plant.settle()
  const agents = Array.from({ length: 200 }, (_, i) => `agent-${i}`)
  await Promise.all(agents.map((name) => plant.register(name, ['CODE_GENERATION', 'INTEGRATION'], 5)))

  const names: string[] = []
  const query: Plant['engine']['query'] = (tenant_id, statement) => {
    names.push(statement.name)
    return plant.engine.query(tenant_id, statement)
  }
  const database = { ...plant.engine, query }
  await step({ ...plant.stepServices, database }, [{ kind: 'tenant', tenant_id: defaultTenant }])

  expect(names).toEqual(['load_fleets', 'load_step', 'load_ready', 'commit', 'tenant_wake'])
  const count = (text: string) => plant.engine.query(null, { name: '', text, values: [] })
  expect(await count('select state, count(*)::int from task group by state')).toEqual([
    { state: 'ASSIGNED', count: 1_000 },
  ])
  expect(await count('select active, count(*)::int from agent group by active')).toEqual([
    { active: 5, count: 200 },
  ])
}, 60_000)

import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { embedded } from '../../functions/sweep/metrics.ts'
import { metrics } from '../metrics.ts'
import { evaluateStage } from './checkout.ts'
import { chargeOf, costOf, idle, measured, total, variable } from './costs.ts'
import { costsPage } from './costs-page.ts'
import type { Graph } from './graph.ts'
import { ofType } from './read.ts'
import { rules } from './rules.ts'

const graphs = new Map<string, Graph>()
const stages = ['dev', 'production'] as const

describe.each(stages)('the program of stage %s, evaluated', (stage) => {
  beforeAll(async () => {
    graphs.set(stage, await evaluateStage(stage))
  })

  test.each(Object.entries(rules))('%s', (_, rule) => {
    const graph = graphs.get(stage)
    expect(graph && rule(graph)).toEqual([])
  })
})

const graphOf = (stage: string) => {
  const graph = graphs.get(stage)
  if (!graph) throw new Error(`${stage} was not evaluated`)
  return graph
}

test('docs/costs.md says what the program would cost', async () => {
  const page = costsPage({ 'Any stage': graphOf('dev'), '`production`': graphOf('production') })
  await expect(page).toMatchFileSnapshot('../../docs/costs.md')
})

test('a stage that nobody uses costs what it did, and sessions like the counted one half a dollar a thousand', () => {
  expect(total(idle(graphOf('dev')), chargeOf)).toBeLessThan(30.7)
  expect(total(variable(measured.events), costOf)).toBeLessThan(0.5)
})

test('every alarm, and every alert of Prometheus, has its section in docs/runbooks.md', () => {
  const text = readFileSync(new URL('../../docs/runbooks.md', import.meta.url), 'utf8')
  const sections = [...text.matchAll(/^## (\w+)$/gm)].map(([, name]) => name)
  const scaling = ['TasksInNeed', 'NoTaskInNeed']
  const made = stages.flatMap((stage) => ofType(graphOf(stage), 'aws:cloudwatch/metricAlarm:MetricAlarm'))
  const names = new Set(made.map(({ name }) => name).filter((name) => !scaling.includes(name)))
  const rules = readFileSync(new URL('../observability/alerts.yml', import.meta.url), 'utf8')
  for (const [, alert] of rules.matchAll(/^ *- alert: (\w+)$/gm)) names.add(alert)
  expect([...names].sort()).toEqual(sections.sort())
})

test('the sweep publishes under the names that alarms and workers go by', () => {
  const line = embedded('dev', { tasks_waiting: 1, tasks_in_need: 2 }, 0)
  const [published] = line._aws.CloudWatchMetrics
  expect(published?.Namespace).toBe(metrics.namespace)
  expect(published?.Metrics.map(({ Name }) => Name)).toEqual([metrics.tasks_waiting, metrics.tasks_in_need])
})

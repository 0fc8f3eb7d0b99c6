import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { metrics } from '#functions/metrics/names'
import { findOnPath } from '#local/process'
import { root } from '#local/root'

const folder = join(root, 'infra/observability')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

const Rule = z.object({
  alert: z.string(),
  expr: z.string(),
  annotations: z.object({ summary: z.string(), runbook_url: z.string() }),
})
const Alerts = z.object({ groups: z.array(z.object({ rules: z.array(Rule) })) })
const rules = Alerts.parse(parse(read('infra/observability/alerts.yml'))).groups.flatMap(
  (group) => group.rules,
)

const Panel = z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })) })
const dashboard = z
  .object({ panels: z.array(Panel) })
  .parse(JSON.parse(read('infra/observability/grafana/orchestrator.json')))

/** What Prometheus itself says of a target. */
const ownMetrics = ['up']
const ownLabels = ['le', 'job']

const samples = new Map<string, readonly string[]>(
  Object.entries(metrics).flatMap(([name, { type, labels }]) => {
    const parts = type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
    return parts.map((part): [string, readonly string[]] => [`${name}${part}`, labels])
  }),
)

/** Names of metrics that an expression uses and we do not export, and labels that none of its metrics has. */
function unknownIn(expr: string) {
  const plain = expr.replaceAll(/"[^"]*"/g, '""')
  const used = plain.match(/\b(?:orchestrator|http)_\w+/g) ?? []
  const labels = [
    ...[...plain.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*""/g)].map(([, label]) => label),
    ...[...plain.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) =>
      list.split(',').map((one) => one.trim()),
    ),
  ]
  const known = new Set([...ownLabels, ...used.flatMap((name) => samples.get(name) ?? [])])
  return {
    metrics: used.filter((name) => !samples.has(name) && !ownMetrics.includes(name)),
    labels: labels.filter((label) => label !== undefined && !known.has(label)),
  }
}
const nothing = { metrics: [], labels: [] }

describe('what is watched', () => {
  test.each(rules)('the alert $alert asks for metrics that there are', ({ expr }) => {
    expect(unknownIn(expr)).toEqual(nothing)
  })

  test.each(dashboard.panels)('the chart "$title" asks for metrics that there are', ({ targets }) => {
    for (const { expr } of targets) expect(unknownIn(expr)).toEqual(nothing)
  })

  test('a metric or a label that there is not is found', () => {
    expect(unknownIn('sum by (colour) (orchestrator_sessions{shape="round"})').labels).toEqual([
      'shape',
      'colour',
    ])
    expect(unknownIn('rate(http_requests_total[5m])').metrics).toEqual(['http_requests_total'])
    expect(unknownIn('rate(http_request_duration_seconds[5m])').metrics).toHaveLength(1)
  })

  test('every metric is shown', () => {
    const all = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join('\n')
    expect(Object.keys(metrics).filter((name) => !all.includes(name))).toEqual([])
  })

  test('each alert has its section in the runbooks', () => {
    const sections = [...read('docs/runbooks.md').matchAll(/^## (\w+)$/gm)].map(([, name]) =>
      name?.toLowerCase(),
    )
    for (const { alert, annotations } of rules) {
      expect(annotations.runbook_url).toBe(`docs/runbooks.md#${alert.toLowerCase()}`)
      expect(sections).toContain(alert.toLowerCase())
    }
  })

  test('promtool finds nothing wrong with configuration and rules', ({ skip }) => {
    const promtool = findOnPath(['promtool'])
    if (promtool === null) return skip('promtool is not here: it comes with Debian’s package prometheus')
    const check = (...args: string[]) =>
      execFileSync(promtool, ['check', ...args], { cwd: folder, encoding: 'utf8' })
    expect(check('config', 'prometheus.yml')).toContain('SUCCESS')
    expect(check('rules', 'alerts.yml')).toContain(`${rules.length} rules found`)
  })

  test('nothing of it is left over', () => {
    const compose = read('docker-compose.yml')
    for (const file of readdirSync(folder, { recursive: true, withFileTypes: true }))
      if (file.isFile()) expect(compose).toContain(file.name)
  })
})

import { chargeOf, costOf, idle, type Line, measured, total, variable } from './costs.ts'
import type { Graph } from './graph.ts'
import { hoursAMonth, perHour, pricesAt } from './prices.ts'

const dollars = (amount: number) => amount.toFixed(2)
const rounded = (quantity: number) => String(Number(quantity.toPrecision(3)))

function idleSection([stage, graph]: [string, Graph]) {
  const lines = idle(graph)
  const sum = tableOf(lines, ['a month', total(lines, costOf), total(lines, chargeOf)])
  return `## ${stage}, a month while nobody uses it\n\n${sum}`
}

function tableOf(lines: Line[], last: [string, number, number]) {
  const rows = lines.map((line) => [
    line.what,
    `${rounded(line.quantity)} ${line.unit}`,
    String(line.price),
    dollars(costOf(line)),
    dollars(chargeOf(line)),
  ])
  const [name, list, charged] = last
  const all = [...rows, [`**${name}**`, '', '', `**${dollars(list)}**`, `**${dollars(charged)}**`]]
  const head = ['what', 'how much', 'price', 'list', 'charged']
  const line = (row: string[]) => `| ${row.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...all.map(line)].join('\n')
}

/** docs/costs.md, from the graphs of both kinds of stage. */
export function costsPage(graphs: Record<string, Graph>) {
  const events = 500
  const per = variable(events)
  const like = variable(measured.events)
  const worker = (
    (perHour.fargate_spot_vcpu ?? 0) +
    4 * (perHour.fargate_spot_gb ?? 0) +
    (perHour.public_ipv4 ?? 0)
  ).toFixed(3)
  return `# Costs

Computed by \`npm run infra:check\` from what the program declares and \`infra/check/prices.ts\`: list prices of
us-east-1 of ${pricesAt}, in US dollars; look at yours before you rely on them. *Charged* is less what every account has
free for good, if nothing else in the account uses it. Data that leaves AWS is not counted: the first 100 GB a month
are free. Credits for new accounts are not counted either.

${Object.entries(graphs).map(idleSection).join('\n\n')}

The NAT instance is counted at its price on demand; as a spot instance it costs less, by how much changes by the hour.

## 1,000 sessions

One viewer each, ${events} events; without the model's tokens and without workers. What a session calls for was counted in a rehearsal of
${measured.events} events (${measured.requests} requests, ${measured.event_batches} batches of events, ${measured.artifacts} uploads) and
scaled; 1,000 like the one that was counted are $${dollars(total(like, costOf))}.

${tableOf(per, ['1,000 sessions', total(per, costOf), total(per, chargeOf)])}

Besides: an agent that is connected sends six heartbeats a minute, ${rounded((6 * 60 * hoursAMonth) / 1e6)} million requests a month. A
worker on Fargate spot (1 vCPU, 4 GB, an address) costs $${worker} an hour while it runs.
`
}

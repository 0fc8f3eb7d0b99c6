import { chargeOf, costOf, idle, type Line, measured, total, variable } from './costs.ts'
import type { Graph } from './graph.ts'
import { hoursAMonth, perHour, pricesAt } from './prices.ts'

const dollars = (amount: number) => amount.toFixed(2)
const rounded = (quantity: number) => String(Number(quantity.toPrecision(3)))

/** What a small stage is to cost at most while nobody uses it. */
const targetAMonth = 30

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

/** What a month of the small stage is, by what spot costs. */
function spotSentence(graphs: Record<string, Graph>) {
  const [lines] = Object.values(graphs).map(idle)
  const nat = lines?.find(({ unit, what }) => unit === 'hours' && what.startsWith('NAT,'))
  if (!lines || !nat) throw new Error('The small stage has no NAT instance any more.')
  const without = total(lines, chargeOf) - chargeOf(nat)
  const share = Math.floor(((targetAMonth - without) / chargeOf(nat)) * 100)
  return `A month of a small stage is $${targetAMonth} or less while spot costs no more than ${share} % of that.`
}

/** docs/costs.md, from the graphs of both kinds of stage. */
export function costsPage(graphs: Record<string, Graph>) {
  const like = variable(measured.events)
  const longer = 500
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

The NAT instance is a spot instance, and is counted at its price on demand: spot changes by the hour, and nobody can
quote it. ${spotSentence(graphs)}

## 1,000 sessions

Without the model's tokens and without workers. A session here is one that was counted, not one that was thought up:
the rehearsal that \`npm start\` plays, a goal that was planned into ${measured.tasks} tasks, done, merged and watched by one viewer to
its end. It made ${measured.events} events, ${measured.requests} requests, ${measured.event_batches} batches of events and ${measured.artifacts} uploads (bundles, histories and patches
of its checkpoints). A real model thinks for longer and writes more, so that a session of yours may have more events:
all lines grow with them at most in proportion. Of ${longer} events, 1,000 sessions are $${dollars(total(variable(longer), costOf))}.

${tableOf(like, ['1,000 sessions', total(like, costOf), total(like, chargeOf)])}

Besides: an agent that is connected sends six heartbeats a minute, ${rounded((6 * 60 * hoursAMonth) / 1e6)} million requests a month. A
worker on Fargate spot (1 vCPU, 4 GB, an address) costs $${worker} an hour while it runs.
`
}

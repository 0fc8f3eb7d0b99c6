import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as agent from '#core/agent/states'
import * as approval from '#core/approval/states'
import * as session from '#core/session/states'
import * as task from '#core/task/states'

/** Where the page stands; it is written by `node --import tsx docs/generate.ts`. */
export const statesFile = join(import.meta.dirname, 'states.md')

type Table = Record<string, { from: readonly string[]; to: string; by: string }>

/** Columns padded to their widest cell, as the formatter would have them. */
function tableOf(transitions: Table) {
  const cells = Object.entries(transitions).map(([action, { from, to, by }]) => [
    `\`${action}\``,
    from.join(', '),
    to,
    by,
  ])
  const head = ['action', 'from', 'to', 'by']
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)))
  const line = (row: string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n')
}

/** Mermaid's state diagram: an arrow a pair of states, with every action that goes that way. */
function diagramOf(states: readonly string[], transitions: Table, first: string[], ends: string[]) {
  const arrows = new Map<string, string[]>()
  for (const state of states) {
    for (const [action, { from, to }] of Object.entries(transitions)) {
      if (!from.includes(state)) continue
      const arrow = `${state} --> ${to}`
      arrows.set(arrow, [...(arrows.get(arrow) ?? []), action])
    }
  }
  const lines = [...arrows].map(([arrow, actions]) => `  ${arrow}: ${actions.join(', ')}`)
  const starts = first.map((state) => `  [*] --> ${state}`)
  return [
    '```mermaid',
    'stateDiagram-v2',
    ...starts,
    ...lines,
    ...ends.map((s) => `  ${s} --> [*]`),
    '```',
  ].join('\n')
}

/** The page, made of the transition tables alone. */
export function statesPage() {
  const sessionEnds = session.sessionStates.filter(session.isTerminal)
  const taskEnds = task.taskStates.filter(task.isTerminal)
  const closed = approval.approvalStates.filter(approval.isTerminal)
  const held = task.taskStates.filter(task.isHeld)
  return `# States

Generated from \`core/session/states.ts\`, \`core/task/states.ts\`, \`core/agent/states.ts\` and
\`core/approval/states.ts\` by \`node --import tsx docs/generate.ts\`; a test holds it equal to them.

## Session

${diagramOf(session.sessionStates, session.transitions, ['PENDING'], sessionEnds)}

${tableOf(session.transitions)}

Terminal: ${sessionEnds.join(', ')}.

## Task

${diagramOf(task.taskStates, task.transitions, ['BLOCKED', 'READY'], taskEnds)}

${tableOf(task.transitions)}

A revived task that depends on nothing is READY at once.

Held by an agent, with a slot of it reserved: ${held.join(', ')}. Terminal: ${taskEnds.join(', ')}.

## Agent

${diagramOf(agent.agentStates, agent.transitions, ['ONLINE'], [])}

${tableOf(agent.transitions)}

## Approval

${diagramOf(approval.approvalStates, approval.transitions, ['OPEN'], closed)}

${tableOf(approval.transitions)}

An attempt that ends withdraws what it asked, in the same commit.
`
}

/** Whether the stored page is what the tables say now. */
export async function isCurrent() {
  return (await readFile(statesFile, 'utf8').catch(() => '')) === statesPage()
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await writeFile(statesFile, statesPage())

import { isDeepStrictEqual } from 'node:util'
import type { Call } from '../conversation.ts'
import type { Step, ToolCall } from '../step.ts'
import { correctedPlan } from './correct.ts'
import { defaultPlan } from './plan.ts'
import type { Scene, Script } from './script.ts'

/** The Architect: look, hand the plan in, correct it once for every different error, finish. */
export function architectScript({ talk, kit, knobs }: Scene, tool: string): Script {
  const { brief, active } = talk
  const plan: ToolCall['args'] = knobs.plan ?? defaultPlan(brief)
  const look: Step = {
    reasoning: `The goal is "${brief.goal.title}". I look at the repository before I divide it.`,
    text: 'I look at the repository.',
    tools: kit.look(),
  }
  const handIn: Step = {
    reasoning: 'What does not depend on each other may run in parallel.',
    text: 'I hand the plan in.',
    tools: [{ name: tool, args: plan }],
  }
  const begin = active.kind === 'reminder' ? [handIn] : [look, handIn]
  const submissions = talk.turns.flatMap(({ calls }) => calls.filter(({ name }) => name === tool))
  return [...begin, ...afterwards(submissions, tool, knobs.keep_plan === true)]
}

function afterwards(submissions: Call[], tool: string, keep: boolean): Script {
  const steps: Script = []
  const seen = new Set<string>()
  for (const { args, result } of submissions) {
    if (result === undefined) return steps
    if (!isRefusal(result)) return [...steps, { text: 'The plan is handed in and accepted.' }]
    const before = argumentsOf(args)
    const plan = correctedPlan(before, result)
    const stuck = keep || seen.has(result) || isDeepStrictEqual(plan, before)
    if (stuck) return [...steps, { text: `I could not correct the plan: ${result.slice(0, 1_000)}` }]
    seen.add(result)
    steps.push({
      reasoning: `The plan was refused: ${result.slice(0, 500)}`,
      text: 'I correct the plan and hand it in again.',
      tools: [{ name: tool, args: plan }],
    })
  }
  return steps
}

const isRefusal = (result: string) =>
  /not accepted|invalid|refused|rejected|\berrors?\b/i.test(result) && !/\bis accepted\b/i.test(result)

function argumentsOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

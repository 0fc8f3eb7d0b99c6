import * as z from 'zod'
import { Plan, validatePlan, wellKnownCapabilities } from '#core/plan/plan'
import type { Tool } from './tool.ts'

/** The tool that a plan comes through. Errors are the model's to correct; a later plan replaces an earlier. */
export function planSubmit(limit: number, accept: (plan: Plan) => void): Tool {
  const { $schema: _, ...schema } = z.toJSONSchema(Plan, { io: 'input' })
  return {
    name: 'plan_submit',
    description: [
      'Submit the plan: the tasks that reach the goal, as a graph.',
      `At most ${limit} tasks. depends_on names the keys of other tasks of the plan.`,
      `Capabilities: ${wellKnownCapabilities.join(', ')}, or another upper-case word.`,
      'checks are shell commands that must exit with 0 when the task is done.',
      'When the answer names errors, correct them and submit the whole plan again.',
    ].join(' '),
    input_schema: { ...schema, type: 'object' },
    call: async (args) => {
      const verdict = validatePlan(args, limit)
      if (!verdict.ok) {
        const lines = verdict.errors.slice(0, 50).map(({ pointer, message }) => `${pointer}: ${message}`)
        return { text: `The plan was not accepted:\n${lines.join('\n')}`, error: true }
      }
      accept(verdict.plan)
      return { text: `The plan is accepted: ${verdict.plan.tasks.length} task(s). You are done.` }
    },
  }
}

import * as z from 'zod'
import { wellKnownCapabilities } from '#core/plan/plan'
import { NewSubtasks } from '#core/task/wire'
import type { Client } from '../client.ts'
import { checkedTool, refusalText } from './checked.ts'

/** The running task that subtasks are added to. */
type Running = { client: Pick<Client, 'addSubtasks'>; task_id: string; attempt: number; signal: AbortSignal }

/** The tool that puts tasks below the one that the model works on. The control plane checks them against the session. */
export function subtaskAdd({ client, task_id, attempt, signal }: Running) {
  return checkedTool({
    name: 'subtask_add',
    description: [
      'Add tasks below the one you work on, for other agents, when it turns out to be more than one piece of work.',
      'They begin from your work as it is when you are done, and your task is complete when they are;',
      'what depends on your task waits for them. Do not wait for them yourself, and do not do their work.',
      'The checks of your own task run on your work, before they begin.',
      'depends_on names keys of tasks that are added with them or already in the session.',
      `Capabilities: ${wellKnownCapabilities.join(', ')}, or another upper-case word.`,
      'When the answer names errors, nothing was added: correct them and call again with all of them.',
    ].join(' '),
    schema: z.strictObject({ tasks: NewSubtasks.shape.tasks }),
    problem: (error) => refusalText(error, 'The control plane'),
    call: ({ tasks }) => client.addSubtasks(task_id, { attempt, tasks }, signal),
  })
}

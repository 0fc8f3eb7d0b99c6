import * as z from 'zod'
import { controlTask } from '#core/task/control'
import { listTasks, readTask } from '#core/task/read'
import { taskStates } from '#core/task/states'
import { listTrees } from '#core/task/trees'
import { commaList, decodeCursor, encodeCursor, listQuery } from '../cursor.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { Task, TaskList, TaskTreeList } from '../schemas/task.ts'

const base = '/api/v1/tasks'
const common = { ...nothing, tag: 'tasks', params: { id: 'task' } } as const

const controls = {
  cancel: 'Cancel a task, with all below it and all that depends on it',
  retry: 'Retry a task that FAILED or was CANCELLED, while its session is not COMPLETED',
} as const

/** Tasks for operators: list, read, cancel, retry. */
export function taskRoutes(api: Api) {
  endpoint(api, {
    ...nothing,
    name: 'list_tasks',
    scope: 'sessions:read',
    method: 'get',
    path: base,
    tag: 'tasks',
    summary: 'List tasks of all sessions, newest first',
    query: z.strictObject({
      state: commaList(taskStates),
      capability: z.string().max(64).optional(),
      ...listQuery,
    }),
    answer: TaskList,
    async run({ services, actor, query: { state, capability, limit, cursor } }) {
      const before = decodeCursor('tasks', cursor)
      const filter = { states: state ?? null, capability: capability ?? null, limit, before }
      const page = await listTasks(services, actor, filter)
      return { ...page, next_cursor: encodeCursor('tasks', page.next_cursor) }
    },
  })
  endpoint(api, {
    ...nothing,
    name: 'list_task_trees',
    scope: 'sessions:read',
    method: 'get',
    path: `${base}/trees`,
    tag: 'tasks',
    summary: 'The trees of all sessions that have such a task, newest session first, in short',
    query: z.strictObject({
      state: commaList(taskStates),
      capability: z.string().max(64).optional(),
      ...listQuery,
      limit: z.coerce.number().int().min(1).max(50).default(20),
    }),
    answer: TaskTreeList,
    async run({ services, actor, query: { state, capability, limit, cursor } }) {
      const before = decodeCursor('trees', cursor)
      const filter = { states: state ?? null, capability: capability ?? null, limit, before }
      const page = await listTrees(services, actor, filter)
      return { ...page, next_cursor: encodeCursor('trees', page.next_cursor) }
    },
  })
  endpoint(api, {
    ...common,
    name: 'read_task',
    scope: 'sessions:read',
    method: 'get',
    path: `${base}/{id}`,
    summary: 'Read a task',
    answer: Task,
    run: ({ services, actor, param }) => readTask(services, actor, param('id')),
  })
  for (const action of ['cancel', 'retry'] as const) {
    endpoint(api, {
      ...common,
      name: `${action}_task`,
      scope: 'sessions:write',
      method: 'post',
      path: `${base}/{id}/${action}`,
      summary: controls[action],
      answer: Task,
      run: ({ services, actor, param }) => controlTask(services, actor, param('id'), action),
    })
  }
}

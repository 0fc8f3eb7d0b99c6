import { checkpointWork, reportEvents } from '#core/task/report'
import { addSubtasks } from '#core/task/subtask'
import {
  Assignment,
  Claim,
  Complete,
  Decline,
  EventBatch,
  EventBatchAnswer,
  Fail,
  NewSubtasks,
  Release,
  SubtasksAnswer,
  WorkCheckpoint,
} from '#core/task/wire'
import { claimTask, completeWork, declineTask, failWork, releaseWork } from '#core/task/work'
import { isRehearsal, workerOf } from '../auth.ts'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { CheckpointMade } from '../schemas/work.ts'

const one = '/api/v1/tasks/{id}'
const common = {
  ...nothing,
  scope: 'worker',
  method: 'post',
  tag: 'workers',
  params: { id: 'task' },
} as const

/** What workers do with a task. Each call quotes its attempt: a stale one is refused and changes nothing. */
export function workRoutes(api: Api) {
  endpoint(api, {
    ...common,
    name: 'claim_task',
    path: `${one}/claim`,
    summary: 'Take an offered task; answers all that is needed to begin or to go on',
    body: Claim,
    answer: Assignment,
    run: ({ services, caller, param, body }) =>
      claimTask(services, workerOf(caller), param('id'), body.attempt, isRehearsal(caller)),
  })
  endpoint(api, {
    ...common,
    name: 'decline_task',
    path: `${one}/decline`,
    summary: 'Say no to an offer',
    body: Decline,
    status: 204,
    run: ({ services, caller, param, body }) =>
      declineTask(services, workerOf(caller), param('id'), body.attempt, body.reason),
  })
  endpoint(api, {
    ...common,
    name: 'report_events',
    path: `${one}/events`,
    summary: 'Append a batch to the log: the last accepted + 1; lower stores nothing, higher is `batch_gap`',
    body: EventBatch,
    verbatim: true,
    answer: EventBatchAnswer,
    run: ({ services, caller, param, body }) => reportEvents(services, workerOf(caller), param('id'), body),
  })
  endpoint(api, {
    ...common,
    name: 'checkpoint_task',
    path: `${one}/checkpoints`,
    summary: 'Record a snapshot of running work',
    body: WorkCheckpoint,
    status: 201,
    answer: CheckpointMade,
    run: ({ services, caller, param, body }) => checkpointWork(services, workerOf(caller), param('id'), body),
  })
  endpoint(api, {
    ...common,
    name: 'add_subtasks',
    path: `${one}/subtasks`,
    summary: 'Add tasks below a running one: they begin from its work; the same again answers how they stand',
    body: NewSubtasks,
    status: 201,
    answer: SubtasksAnswer,
    run: ({ services, caller, param, body }) => addSubtasks(services, workerOf(caller), param('id'), body),
  })
  endpoint(api, {
    ...common,
    name: 'complete_task',
    path: `${one}/complete`,
    summary: 'Hand in the work; `batch` is the last one sent',
    body: Complete,
    status: 204,
    run: ({ services, caller, param, body }) => completeWork(services, workerOf(caller), param('id'), body),
  })
  endpoint(api, {
    ...common,
    name: 'fail_task',
    path: `${one}/fail`,
    summary: 'Say that the attempt failed',
    body: Fail,
    status: 204,
    run: ({ services, caller, param, body }) => failWork(services, workerOf(caller), param('id'), body),
  })
  endpoint(api, {
    ...common,
    name: 'release_task',
    path: `${one}/release`,
    summary: 'Hand a task back with its work saved, or because the commits that it begins with conflict',
    body: Release,
    status: 204,
    run: ({ services, caller, param, body }) =>
      releaseWork(services, workerOf(caller), param('id'), body.attempt, body.reason, body.conflict),
  })
}

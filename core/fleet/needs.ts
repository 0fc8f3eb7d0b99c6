import * as z from 'zod'
import type { Actor } from '#core/actor'
import { type AskedOf, approvalKinds, askedSentence } from '#core/approval/ask'
import { sessionColumnsWith } from '#core/change/load.sql'
import { diagnose } from '#core/diagnosis/diagnosis'
import type { Wait } from '#core/diagnosis/facts'
import { loadFacts } from '#core/diagnosis/facts.sql'
import type { Services } from '#core/services'
import type { Session } from '#core/session/session'
import { legalActions, type SessionAction, sessionStates, transitions } from '#core/session/states'

const time = z.string().meta({ format: 'date-time' })
const actions = Object.keys(transitions).filter((name): name is SessionAction => name in transitions)

export const Need = z.object({
  /** In the order in which they are told. */
  kind: z.enum(['APPROVAL', 'STUCK', 'FAILED', 'PAUSED', 'NOT_STARTED']),
  session_id: z.string(),
  title: z.string(),
  state: z.enum(sessionStates),
  rehearsal: z.boolean().nullable(),
  reason: z.string(),
  sentence: z.string(),
  since: time,
  until: time.nullable(),
  /** What would end it, in words. */
  moves: z.array(z.string()),
  task_id: z.string().nullable(),
  approval: z
    .object({
      id: z.string(),
      kind: z.enum(approvalKinds),
      /** The labels to choose from, when one short question alone is asked; null: read it whole first. */
      options: z.array(z.string()).nullable(),
    })
    .nullable(),
  actions: z.array(z.enum(actions)),
})
export type Need = z.infer<typeof Need>

/** At most so many of a kind are told; RUNNING sessions are looked at until so many. */
const most = { approvals: 20, running: 200, failed: 10, paused: 10, pending: 10 }

type Asked = AskedOf & {
  id: string
  task_id: string
  created_at: string
  deadline: string
  session: SessionPart
}
type SessionPart = Pick<Session, 'id' | 'title' | 'state' | 'rehearsal'>

/** Index: approval_list. */
const askedSql = /* sql */ `
select a.id, a.kind, a.task_id, a.created_at, a.deadline,
  case when a.kind = 'PERMISSION' then (a.asked::jsonb - 'diff')::json else a.asked end as asked,
  json_build_object('id', s.id, 'title', s.title, 'state', s.state, 'rehearsal', s.rehearsal) as session
from approval a join session s on s.id = a.session_id
where a.state = 'OPEN' order by a.deadline limit ${most.approvals}`

const columns = sessionColumnsWith({ prompt: `''`, plan: 'null::json' })

/** Index: session_state. What failed longer ago than a day was seen. */
const sessionsSql = /* sql */ `
(select ${columns} from session s where state = 'RUNNING' order by id limit ${most.running})
union all
(select ${columns} from session s where state = 'FAILED' and ended_at > now() - interval '24 hours'
 order by ended_at desc limit ${most.failed})
union all
(select ${columns} from session s where state = 'PAUSED' order by id desc limit ${most.paused})
union all
(select ${columns} from session s where state = 'PENDING' order by id desc limit ${most.pending})`

/** The sessions of a tenant that go on only when a person does something, and what that is; a bounded list. */
export async function listNeeds(services: Pick<Services, 'database'>, actor: Actor): Promise<Need[]> {
  const { database } = services
  const [asked, sessions] = await Promise.all([
    database.query<Asked>(actor.tenant_id, { name: 'asked_of_people', text: askedSql, values: [] }),
    database.query<Session>(actor.tenant_id, {
      name: 'sessions_in_need',
      // JSON has no equality, which a union without "all" would ask for.
      text: sessionsSql,
      values: [],
    }),
  ])
  const running = sessions.filter(({ state }) => state === 'RUNNING').map(({ id }) => id)
  const facts = await loadFacts(database, actor.tenant_id, running)
  const needs = sessions.flatMap((session) => {
    const known = facts.get(session.id) ?? nothingKnown
    const diagnosis = diagnose({ ...known, session, alive: null })
    if (diagnosis.ended) return [failedNeed(session, diagnosis.ended)]
    return diagnosis.waiting ? waitingNeed(session, diagnosis.waiting) : []
  })
  return [...asked.map(approvalNeed), ...needs].sort((a, b) => rank(a) - rank(b))
}

const nobody = { before: 0, running: 0, limit: 0, tokens_until: null }
const nothingKnown = { tasks: [], agents: [], queue: nobody, now: '' }
const rank = ({ kind }: Need) => Need.shape.kind.options.indexOf(kind)

function sessionOf({ id, title, state, rehearsal }: SessionPart) {
  return { session_id: id, title, state, rehearsal, actions: legalActions(state, 'operator') }
}

function approvalNeed({ session, id, task_id, created_at, deadline, ...asked }: Asked): Need {
  return {
    ...sessionOf(session),
    kind: 'APPROVAL',
    reason: 'approval',
    sentence: askedSentence(asked),
    since: created_at,
    until: deadline,
    moves: ['An operator answers.', 'Its time ends, and the default answer is taken.'],
    task_id,
    approval: { id, kind: asked.kind, options: optionsOf(asked) },
  }
}

const mostOptions = 4
const longestOption = 40

/** Of one question with a few short answers, those; anything else has to be read whole. */
function optionsOf(asked: AskedOf) {
  if (asked.kind === 'PERMISSION' || asked.asked.questions.length !== 1) return null
  const [question] = asked.asked.questions
  if (!question || question.multiple) return null
  const labels = question.options.map(({ label }) => label)
  const isShort = labels.length <= mostOptions && labels.every(({ length }) => length <= longestOption)
  return labels.length > 0 && isShort ? labels : null
}

function failedNeed(
  session: Session,
  ended: { at: string; code: string; sentence: string; task_id: string | null },
): Need {
  const { at, code, sentence, task_id } = ended
  const need = { reason: code, sentence, since: at, until: null, task_id, approval: null }
  return { ...sessionOf(session), ...need, kind: 'FAILED', moves: ['An operator retries it.'] }
}

/** Waiting for a free agent, a timer or the engine passes by itself; what asks is told as an approval. */
function waitingNeed(session: Session, wait: Wait): Need[] {
  const { reason, sentence, since, until, moves, path } = wait
  const isStuck = reason === 'no_agent' || reason === 'engine_failing'
  const isAsked = wait.owner === 'operator' && session.state !== 'RUNNING'
  if (!isStuck && !isAsked) return []
  const kind = session.state === 'PAUSED' ? 'PAUSED' : session.state === 'PENDING' ? 'NOT_STARTED' : 'STUCK'
  const task_id = path.findLast((part) => part.kind === 'task')?.id ?? null
  return [{ ...sessionOf(session), kind, reason, sentence, since, until, moves, task_id, approval: null }]
}

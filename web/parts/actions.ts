import { useMutation, useQueryClient } from '@tanstack/react-query'
import { isLegal, type SessionAction, type SessionState, transitions } from '#core/session/states'
import { api } from '../api/endpoints.ts'
import { sentenceOf } from '../api/failure.ts'
import type { Session } from '../api/types.ts'
import { toast } from '../shell/toasts.ts'

/** What an operator may ask of a session, in the order in which it is offered. */
export const operatorActions = ['start', 'pause', 'resume', 'retry', 'stop'] as const
export type OperatorAction = (typeof operatorActions)[number]

/** Nouns whose pictures an action makes old. */
const touched = ['session', 'sessions', 'session_counts', 'fleet']

const done: Record<OperatorAction, string> = {
  start: 'started',
  pause: 'pausing',
  resume: 'resumed',
  retry: 'queued for another try',
  stop: 'stopping',
}

/** Why an action cannot be taken in a state, by the server's own table; undefined where it can. */
export function reasonAgainst(state: SessionState, action: SessionAction) {
  if (isLegal(state, action)) return undefined
  const from = new Intl.ListFormat('en', { type: 'disjunction' }).format(transitions[action].from)
  return `only while ${from}; this is ${state}`
}

/** Takes an action on a session; says so when it is done, and why when it is refused. */
export function useControl() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ session, action }: { session: Pick<Session, 'id' | 'title'>; action: OperatorAction }) =>
      api.controlSession(session.id, action),
    onSuccess(session, { action }) {
      client.setQueryData(['session', session.id], session)
      toast('done', `${session.title}: ${done[action]}`)
    },
    onError(error, { session, action }) {
      toast('failed', `${session.title}: ${action} was refused. ${sentenceOf(error)}`)
    },
    onSettled: () =>
      client.invalidateQueries({
        predicate: ({ queryKey: [noun] }) => touched.includes(String(noun)),
      }),
  })
}

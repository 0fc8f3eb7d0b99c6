import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api } from '../../api/endpoints.ts'
import { sentenceOf } from '../../api/failure.ts'
import type { ApprovalAnswer, Need } from '../../api/types.ts'
import { toast } from '../../shell/toasts.ts'

/** Something that a person does about a need, and the words for when it is done. */
export type Act = { key: string; label: string; done: string; run: () => Promise<unknown> }

/** What can be done in place; the first is the likeliest. Anything longer is done on the session's page. */
export function actsOf(need: Need): Act[] {
  const { session_id, approval, actions, kind, reason } = need
  if (approval) return answersOf(approval)
  const control = (action: 'start' | 'resume' | 'retry', label: string, done: string): Act[] =>
    actions.includes(action)
      ? [{ key: action, label, done, run: () => api.controlSession(session_id, action) }]
      : []
  if (kind === 'FAILED') return control('retry', 'Retry', 'queued for another try')
  if (kind === 'NOT_STARTED') return control('start', 'Start', 'started')
  // Resumed with a spent budget it would pause again at once.
  if (kind === 'PAUSED' && reason !== 'budget_exceeded') return control('resume', 'Resume', 'resumed')
  const command = commandIn(need.sentence)
  if (command === null) return []
  return [{ key: 'copy', label: 'Copy the command', done: 'command copied', run: () => copy(command) }]
}

function answersOf({ id, kind, options }: NonNullable<Need['approval']>): Act[] {
  const answer = (key: string, label: string, body: ApprovalAnswer): Act => ({
    key,
    label,
    done: 'answered',
    run: () => api.answerApproval(id, body),
  })
  if (kind === 'PERMISSION')
    return [
      answer('allow', 'Allow once', { answer: 'allow_once' }),
      answer('deny', 'Deny', { answer: 'deny' }),
    ]
  return (options ?? []).map((label) => answer(label, label, { answer: 'reply', answers: [[label]] }))
}

/** The command that the API names as the remedy. */
export function commandIn(sentence: string) {
  return /npx orchestrator [^"]+$/.exec(sentence)?.[0].trim() ?? null
}

async function copy(text: string) {
  // Absent where a page is not served securely.
  if (!navigator.clipboard) throw new Error(`This browser does not let a page copy. The command is: ${text}`)
  await navigator.clipboard.writeText(text)
}

/** Does it, and says so; a refusal is told in the API's own words. */
export function useAct(title: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (act: Act) => act.run(),
    onSuccess: (_, { done }) => toast('done', `${title}: ${done}`),
    onError: (error, { label }) => toast('failed', `${title}: "${label}" was not done. ${sentenceOf(error)}`),
    onSettled: () => client.invalidateQueries({ queryKey: ['fleet'] }),
  })
}

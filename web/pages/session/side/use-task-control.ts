import { useMutation } from '@tanstack/react-query'
import { api } from '../../../api/endpoints.ts'
import { sentenceOf } from '../../../api/failure.ts'
import { words } from '../../../parts/format.ts'
import { toast } from '../../../shell/toasts.ts'
import { reread } from '../queries.ts'

/** Cancels or retries a task of a session. */
export function useTaskControl(session_id: string) {
  return useMutation({
    mutationFn: ({ id, action }: { id: string; action: 'cancel' | 'retry' }) => api.controlTask(id, action),
    onSuccess: ({ key, state }) => toast('done', `${key} is ${words(state)}.`),
    onError: (error) => toast('failed', sentenceOf(error)),
    onSettled: () => reread(session_id),
  })
}

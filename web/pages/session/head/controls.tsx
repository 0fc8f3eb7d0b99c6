import { useMutation } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import type { SessionAction } from '#core/session/states'
import { api } from '../../../api/endpoints.ts'
import { sentenceOf } from '../../../api/failure.ts'
import { queryClient } from '../../../api/query.ts'
import type { Session } from '../../../api/types.ts'
import { Button } from '../../../parts/button.tsx'
import { Dialog } from '../../../parts/dialog.tsx'
import { words } from '../../../parts/format.ts'
import { useCommands } from '../../../shell/commands.ts'
import { toast } from '../../../shell/toasts.ts'
import { reread } from '../queries.ts'
import css from './dialogs.module.css'
import { whyNot } from './rail.ts'

const controls = [
  { action: 'start', title: 'Start', keys: 'Shift+S' },
  { action: 'pause', title: 'Pause', keys: 'p' },
  { action: 'resume', title: 'Resume', keys: 'r' },
  { action: 'stop', title: 'Stop…', keys: 'x' },
  { action: 'retry', title: 'Retry', keys: 'Shift+R' },
] as const satisfies readonly { action: SessionAction; title: string; keys: string }[]

const ForkDialog = lazy(async () => ({ default: (await import('./fork-dialog.tsx')).ForkDialog }))

const noCheckpoint = 'It has no checkpoint yet to go on from.'

/** What an operator can do with the session; what they cannot now says why, from the server's own table. */
export function Controls({ session }: { session: Session }) {
  const [open, setOpen] = useState<'stop' | 'fork' | null>(null)
  const control = useControl(session.id)
  const act = (action: SessionAction) => (action === 'stop' ? setOpen('stop') : control.mutate(action))
  const whyNoFork = session.checkpoint_number === 0 ? noCheckpoint : undefined
  const close = () => setOpen(null)
  useCommands([
    ...controls.map(({ action, title, keys }) => ({
      id: `session ${action}`,
      group: 'Session',
      title: `${title.replace('…', '')} this session${title.endsWith('…') ? '…' : ''}`,
      keys,
      disabled: whyNot(session.state, action),
      run: () => act(action),
    })),
    {
      id: 'session fork',
      group: 'Session',
      title: 'Fork this session…',
      keys: 'Shift+F',
      disabled: whyNoFork,
      run: () => setOpen('fork'),
    },
  ])
  return (
    <>
      {controls.map(({ action, title, keys }) => (
        <Button
          key={action}
          keys={keys}
          kind={action === 'stop' ? 'alarm' : 'plain'}
          disabled={whyNot(session.state, action)}
          busy={control.isPending && control.variables === action}
          onClick={() => act(action)}
        >
          {title}
        </Button>
      ))}
      <Button keys="Shift+F" disabled={whyNoFork} onClick={() => setOpen('fork')}>
        Fork…
      </Button>
      {open === 'stop' && (
        <StopDialog
          session={session}
          onClose={close}
          onStop={() => {
            close()
            control.mutate('stop')
          }}
        />
      )}
      {open === 'fork' && (
        <Suspense fallback={null}>
          <ForkDialog session={session} checkpoint={session.checkpoint_number} onClose={close} />
        </Suspense>
      )}
    </>
  )
}

/** Takes an action; the answer is shown at once, a refusal in the server's own words. */
export function useControl(id: string) {
  return useMutation({
    mutationFn: (action: SessionAction) => api.controlSession(id, action),
    onSuccess: (session) => {
      queryClient.setQueryData(['session', id], session)
      toast('done', `The session is ${words(session.state)}.`)
    },
    onError: (error) => toast('failed', sentenceOf(error)),
    onSettled: () => reread(id),
  })
}

function StopDialog({
  session,
  onClose,
  onStop,
}: {
  session: Session
  onClose: () => void
  onStop: () => void
}) {
  const { running } = session.tasks
  const held =
    running === 0
      ? 'No task is being worked on.'
      : `${running} running ${running === 1 ? 'task is' : 'tasks are'} saved and taken from the agents.`
  return (
    <Dialog title="Stop this session?" onClose={onClose}>
      <div className={css.body}>
        <p>
          {held} Finished tasks stay finished. Only a retry goes on from there; to interrupt it for a while,
          pause it.
        </p>
        <div className={css.ways}>
          <Button kind="alarm" onClick={onStop}>
            Stop it
          </Button>
          <Button onClick={onClose}>Let it go on</Button>
        </div>
      </div>
    </Dialog>
  )
}

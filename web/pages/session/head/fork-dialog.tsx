import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { newKey } from '../../../api/client.ts'
import { api } from '../../../api/endpoints.ts'
import { fieldErrors, sentenceOf } from '../../../api/failure.ts'
import type { Session } from '../../../api/types.ts'
import { Button } from '../../../parts/button.tsx'
import { Dialog } from '../../../parts/dialog.tsx'
import { toast } from '../../../shell/toasts.ts'
import css from './dialogs.module.css'

type Props = { session: Session; checkpoint: number; onClose: () => void }

/** A new session that goes on from a checkpoint; this one is not touched. */
export function ForkDialog({ session, checkpoint, onClose }: Props) {
  const [number, setNumber] = useState(String(checkpoint))
  const [title, setTitle] = useState(session.title)
  const [start, setStart] = useState(true)
  const [key] = useState(newKey)
  const navigate = useNavigate()
  const fork = useMutation({
    mutationFn: () => api.forkSession(session.id, { checkpoint: Number(number), title, start }, key),
    onSuccess: ({ id }) => {
      onClose()
      toast('done', `Forked from checkpoint ${number}.`)
      void navigate({ to: '/sessions/$id', params: { id } })
    },
  })
  const errors = fieldErrors(fork.error)
  return (
    <Dialog title="Fork this session" onClose={onClose}>
      <form
        className={css.body}
        onSubmit={(event) => {
          event.preventDefault()
          fork.mutate()
        }}
      >
        <p>
          A new session goes on from a checkpoint with its code, its tasks as they stood and its history. This
          one is not touched.
        </p>
        <label className={css.field}>
          <span className="label">Checkpoint, 1 to {session.checkpoint_number}</span>
          <input
            type="number"
            className="mono"
            min={1}
            max={session.checkpoint_number}
            required
            value={number}
            onChange={({ target }) => setNumber(target.value)}
          />
          {errors.has('/checkpoint') && <span className={css.wrong}>{errors.get('/checkpoint')}</span>}
        </label>
        <label className={css.field}>
          <span className="label">Title</span>
          <input maxLength={200} required value={title} onChange={({ target }) => setTitle(target.value)} />
          {errors.has('/title') && <span className={css.wrong}>{errors.get('/title')}</span>}
        </label>
        <label className={css.check}>
          <input type="checkbox" checked={start} onChange={({ target }) => setStart(target.checked)} />
          Start it at once
        </label>
        {fork.isError && errors.size === 0 && (
          <p className={css.wrong} role="alert">
            {sentenceOf(fork.error)}
          </p>
        )}
        <div className={css.ways}>
          <Button type="submit" kind="strong" busy={fork.isPending}>
            Fork from checkpoint {number}
          </Button>
          <Button onClick={onClose}>Cancel</Button>
        </div>
      </form>
    </Dialog>
  )
}

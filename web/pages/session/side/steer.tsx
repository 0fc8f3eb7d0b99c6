import { useMutation } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { isTerminal } from '#core/session/states'
import { newKey } from '../../../api/client.ts'
import { api } from '../../../api/endpoints.ts'
import { sentenceOf } from '../../../api/failure.ts'
import type { Session } from '../../../api/types.ts'
import { Button, KeyCaps } from '../../../parts/button.tsx'
import { useCommands } from '../../../shell/commands.ts'
import { toast } from '../../../shell/toasts.ts'
import { reread } from '../queries.ts'
import css from './inspector.module.css'

/** A word to the agents that work on the session; those that come later hear it too. */
export function Steer({ session }: { session: Session }) {
  const [text, setText] = useState('')
  // The same words sent again after a lost answer are one message.
  const [key, setKey] = useState(newKey)
  const box = useRef<HTMLTextAreaElement>(null)
  const why = isTerminal(session.state)
    ? `A session that is ${session.state.toLowerCase()} hears no message.`
    : undefined
  const send = useMutation({
    mutationFn: () => api.steer(session.id, text.trim(), key),
    onSuccess: () => {
      setText('')
      setKey(newKey())
      box.current?.blur()
      toast(
        'done',
        session.tasks.running > 0 ? 'The agents are told.' : 'The next agent is told when it begins.',
      )
    },
    onError: (error) => toast('failed', sentenceOf(error)),
    onSettled: () => reread(session.id),
  })
  useCommands([
    {
      id: 'session message',
      group: 'Session',
      title: 'Message the agents',
      keys: 'm',
      disabled: why,
      run: () => box.current?.focus(),
    },
  ])
  const isEmpty = text.trim() === ''
  return (
    <form
      className={css.steer}
      onSubmit={(event) => {
        event.preventDefault()
        if (!isEmpty) send.mutate()
      }}
    >
      <label htmlFor="steer">
        Message the agents <KeyCaps keys="m" />
      </label>
      <textarea
        id="steer"
        ref={box}
        value={text}
        disabled={why !== undefined}
        placeholder={why ?? 'Say it in plain words'}
        maxLength={20_000}
        onChange={({ target }) => {
          setText(target.value)
          setKey(newKey())
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') box.current?.blur()
          if (event.key === 'Enter' && (event.metaKey || event.ctrlKey))
            event.currentTarget.form?.requestSubmit()
        }}
      />
      {!isEmpty && (
        <Button type="submit" kind="strong" keys="$mod+Enter" busy={send.isPending}>
          Send
        </Button>
      )}
    </form>
  )
}

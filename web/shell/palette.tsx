import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Command as List } from 'cmdk'
import { useDeferredValue, useState } from 'react'
import { queries } from '../api/query.ts'
import { KeyCaps } from '../parts/button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { StateMark } from '../parts/state-mark.tsx'
import { type Command, useAllCommands } from './commands.ts'
import { byGroup } from './keys-sheet.tsx'
import css from './palette.module.css'

const mostFound = 8

/** Go to a session, or do anything that can be done now. Loaded when it is first asked for. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('')
  const navigate = useNavigate()
  const q = useDeferredValue(text.trim())
  const found = useQuery({ ...queries.sessions({ q: q.slice(0, 200), limit: mostFound }) })
  const groups = byGroup(useAllCommands().filter(({ keyOnly }) => !keyOnly))
  const choose = (run: () => void) => {
    onClose()
    // After the dialog has given the focus back, or what opens next would lose it.
    queueMicrotask(run)
  }
  return (
    <Dialog title="Go to" onClose={onClose} bare>
      <List label="Go to session, agent, or command" className={css.palette} loop>
        <List.Input
          autoFocus
          value={text}
          onValueChange={setText}
          placeholder="Session, agent, or command"
          className={css.input}
        />
        <List.List className={css.list}>
          <List.Empty className={css.empty}>
            {found.isFetching ? 'Looking…' : 'Nothing by that name.'}
          </List.Empty>
          {groups.map(([group, commands]) => (
            <List.Group key={group} heading={group}>
              {commands.map((command) => (
                <Item key={command.id} command={command} choose={choose} />
              ))}
            </List.Group>
          ))}
          {(found.data?.items.length ?? 0) > 0 && (
            <List.Group heading="Sessions">
              {found.data?.items.map(({ id, title, state }) => (
                <List.Item
                  key={id}
                  value={id}
                  keywords={[title, id]}
                  onSelect={() => choose(() => navigate({ to: '/sessions/$id', params: { id } }))}
                >
                  <StateMark state={state} />
                  <span className={css.title}>{title}</span>
                  <span className={css.id}>{id}</span>
                </List.Item>
              ))}
            </List.Group>
          )}
        </List.List>
      </List>
    </Dialog>
  )
}

function Item({ command, choose }: { command: Command; choose: (run: () => void) => void }) {
  const { id, title, words, keys, disabled, run } = command
  return (
    <List.Item
      value={id}
      keywords={[title, ...(words ? [words] : [])]}
      disabled={disabled !== undefined}
      onSelect={() => choose(run)}
    >
      <span className={css.title}>{title}</span>
      {disabled !== undefined && <span className={css.why}>{disabled}</span>}
      {keys && <KeyCaps keys={keys} />}
    </List.Item>
  )
}

import { useState } from 'react'
import type { Session } from '../../api/types.ts'
import { useControl } from '../../parts/actions.ts'
import { Confirm } from '../../parts/confirm.tsx'
import { useCommands } from '../../shell/commands.ts'
import { SessionRow } from './row.tsx'
import css from './table.module.css'

/** Rows keep their places and their height while they change. */
export function SessionTable({ sessions, busy }: { sessions: Session[]; busy: boolean }) {
  const control = useControl()
  const [stopping, setStopping] = useState<Session | null>(null)
  useCommands([
    { id: 'next row', group: 'This list', title: 'Next row', keys: 'j', keyOnly: true, run: () => step(1) },
    {
      id: 'row before',
      group: 'This list',
      title: 'Row before',
      keys: 'k',
      keyOnly: true,
      run: () => step(-1),
    },
  ])
  return (
    <>
      <table className={css.table} aria-busy={busy}>
        <caption className="sr">Sessions</caption>
        <thead>
          <tr>
            {['State', 'Session', 'Priority', 'Tasks', 'Time', 'Tokens', 'Cost'].map((head) => (
              <th key={head} scope="col" className="label">
                {head}
              </th>
            ))}
            <th scope="col">
              <span className="sr">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sessions.map((session) => (
            <SessionRow
              key={session.id}
              session={session}
              onAction={(action) => {
                if (action === 'stop') setStopping(session)
                else control.mutate({ session, action })
              }}
            />
          ))}
        </tbody>
      </table>
      {stopping && (
        <Confirm
          title="Stop this session?"
          action="Stop it"
          onClose={() => setStopping(null)}
          onConfirm={() => control.mutate({ session: stopping, action: 'stop' })}
        >
          <p>
            <b>{stopping.title}</b>
          </p>
          <p>
            Its agents hand back their work, saved. What is finished stays finished; only a retry goes on from
            there.
          </p>
        </Confirm>
      )}
    </>
  )
}

/** Moves the focus from row to row. */
function step(by: number) {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row-link]')]
  const at = rows.findIndex((row) => row.matches(':focus'))
  const from = at === -1 && by < 0 ? rows.length : at
  rows[Math.min(rows.length - 1, Math.max(0, from + by))]?.focus()
}

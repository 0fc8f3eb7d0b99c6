import { KeyCaps } from '../parts/button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { type Command, useAllCommands } from './commands.ts'
import css from './keys-sheet.module.css'

/** Every key that acts on this page. */
export function KeysSheet({ onClose }: { onClose: () => void }) {
  const groups = byGroup(useAllCommands().filter(({ keys }) => keys))
  return (
    <Dialog title="Keys" onClose={onClose}>
      <div className={css.sheet}>
        {groups.map(([group, commands]) => (
          <section key={group}>
            <h3 className="label">{group}</h3>
            <dl>
              {commands.map(({ id, keys = '', title, disabled }) => (
                <div key={id}>
                  <dt>{title}</dt>
                  <dd>
                    {disabled !== undefined && <span className={css.why}>{disabled}</span>}
                    <KeyCaps keys={keys} />
                    <span className="sr">{keys}</span>
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  )
}

export function byGroup(commands: readonly Command[]) {
  const groups = new Map<string, Command[]>()
  for (const command of commands) groups.set(command.group, [...(groups.get(command.group) ?? []), command])
  return [...groups]
}

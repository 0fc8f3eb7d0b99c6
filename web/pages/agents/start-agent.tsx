import { useState } from 'react'
import { wellKnownCapabilities } from '#core/capabilities'
import { apiBase } from '../../api/client.ts'
import { Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Field } from '../../parts/field.tsx'
import { toast } from '../../shell/toasts.ts'
import { startCommand } from './coverage.ts'
import css from './start-agent.module.css'

type Props = { capability: string | undefined; onClose: () => void }

/** The command that starts another agent: agents connect out, so that a page cannot start one. */
export function StartAgent({ capability, onClose }: Props) {
  const [name, setName] = useState('agent-1')
  const [chosen, setChosen] = useState<readonly string[]>(capability ? [capability] : [])
  const offered = [...new Set([...(capability ? [capability] : []), ...wellKnownCapabilities])]
  const command = startCommand(apiBase(), name.trim() || 'agent-1', chosen)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(command)
      toast('done', 'Copied')
    } catch {
      toast('failed', 'The browser did not allow copying: select the command and copy it by hand.')
    }
  }
  const toggle = (one: string) =>
    setChosen((now) => (now.includes(one) ? now.filter((other) => other !== one) : [...now, one]))
  return (
    <Dialog title="Start another agent" onClose={onClose} wide>
      <div className={css.body}>
        <p>
          Run this on any machine that has the orchestrator’s folder and reaches the API. The agent registers,
          and tasks that wait for it go to it at once.
        </p>
        <Field label="Name" hint="A name that is in use is taken over from the agent that has it.">
          {(control) => (
            <input
              {...control}
              autoComplete="off"
              spellCheck={false}
              value={name}
              onChange={({ target }) => setName(target.value.replaceAll(/[^\w.-]/g, '-'))}
            />
          )}
        </Field>
        <fieldset className={css.capabilities}>
          <legend className="label">Capabilities · none chosen is all well-known ones</legend>
          {offered.map((one) => (
            <label key={one}>
              <input type="checkbox" checked={chosen.includes(one)} onChange={() => toggle(one)} />
              {one}
            </label>
          ))}
        </fieldset>
        <pre className={css.command}>
          <code>{command}</code>
        </pre>
        <div className={css.ways}>
          <Button kind="strong" onClick={copy}>
            Copy the command
          </Button>
        </div>
      </div>
    </Dialog>
  )
}

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { priorities } from '#core/priorities'
import { newKey } from '../../api/client.ts'
import { api } from '../../api/endpoints.ts'
import { fieldErrors, Refusal, sentenceOf, Unreachable } from '../../api/failure.ts'
import type { NewSession, SessionList } from '../../api/types.ts'
import { Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Choice, Field } from '../../parts/field.tsx'
import { sentenceCase } from '../../parts/format.ts'
import { makeStore, useStore } from '../../parts/store.ts'
import { toast } from '../../shell/toasts.ts'
import { type Draft, emptyDraft, type Faults, noFaults, placeFaults, readDraft } from './draft.ts'
import css from './new-session.module.css'

/** What was typed outlives the dialog: closing it by mistake loses nothing. */
const draftStore = makeStore<Draft>(emptyDraft)

/** Makes a session from a goal; errors stand at the field they concern. */
export default function NewSessionDialog({ onClose }: { onClose: () => void }) {
  const draft = useStore(draftStore)
  const [faults, setFaults] = useState<Faults>(noFaults)
  const form = useRef<HTMLFormElement>(null)
  const create = useCreate()

  useEffect(() => {
    if (faults !== noFaults) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [faults])

  const submit = (start: boolean) => {
    if (create.isPending) return
    const read = readDraft(draft, start)
    if (read.faults.fields.size > 0) return setFaults(read.faults)
    create.mutate(read.body, { onError: (error) => setFaults(faultsOf(error)) })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(true)
  }
  const change = (part: Partial<Draft>) => draftStore.set({ ...draftStore.get(), ...part })
  return (
    <Dialog title="New session" onClose={onClose} wide>
      <form
        ref={form}
        className={css.form}
        noValidate
        onKeyDown={onKeyDown}
        onSubmit={(e) => e.preventDefault()}
      >
        {faults.others.length > 0 && (
          <div className={css.refused} role="alert">
            {faults.others.map((text) => (
              <p key={text}>{text}</p>
            ))}
          </div>
        )}
        <Goal draft={draft} faults={faults} change={change} />
        <Settings draft={draft} faults={faults} change={change} />
        <div className={css.ways}>
          <Button onClick={() => submit(false)} busy={create.isPending}>
            Create
          </Button>
          <Button kind="strong" keys="$mod+Enter" onClick={() => submit(true)} busy={create.isPending}>
            {create.isPending ? 'Creating…' : 'Create and start'}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

type PartProps = { draft: Draft; faults: Faults; change: (part: Partial<Draft>) => void }

function Goal({ draft, faults: { fields }, change }: PartProps) {
  return (
    <div className={css.goal}>
      <Field label="Title" error={fields.get('title')}>
        {(control) => (
          <input
            {...control}
            autoComplete="off"
            value={draft.title}
            onChange={({ target }) => change({ title: target.value })}
          />
        )}
      </Field>
      <Field
        label="Initial prompt"
        hint="The Architect's instruction: what is to be true when it is done, and how one can tell."
        error={fields.get('prompt')}
      >
        {(control) => (
          <textarea
            {...control}
            rows={9}
            value={draft.prompt}
            onChange={({ target }) => change({ prompt: target.value })}
          />
        )}
      </Field>
      <Choice
        label="Priority"
        name="priority"
        options={priorities.map((value) => ({ value, label: sentenceCase(value) }))}
        value={draft.priority}
        onChange={(priority) => change({ priority })}
      />
    </div>
  )
}

function Settings({ draft, faults: { fields }, change }: PartProps) {
  const line = (field: keyof Draft, label: string, hint?: string, more: { list?: string } = {}) => (
    <Field label={label} hint={hint} error={fields.get(field)}>
      {(control) => (
        <input
          {...control}
          {...more}
          autoComplete="off"
          spellCheck={false}
          value={draft[field]}
          onChange={({ target }) => change({ [field]: target.value })}
        />
      )}
    </Field>
  )
  return (
    <div className={css.settings}>
      {line(
        'repository',
        'Repository',
        'A git address or a path on this machine. Empty: it starts from nothing.',
        {
          list: 'repositories',
        },
      )}
      <KnownRepositories />
      {line('base', 'Base branch', 'Empty: the repository’s own default.')}
      {line('labels', 'Labels', 'agent:<label> asks for agents that have that label.')}
      <Choice
        label="Approval policy"
        name="approval"
        options={[
          { value: 'auto', label: 'Act by themselves' },
          { value: 'ask', label: 'Ask a person first' },
        ]}
        value={draft.approval}
        onChange={(approval) => change({ approval })}
      />
      {draft.approval === 'ask' && (
        <div className={css.pair}>
          {line('patience', 'Wait, minutes')}
          <Choice
            label="Then"
            name="unanswered"
            options={[
              { value: 'deny', label: 'Deny' },
              { value: 'allow', label: 'Allow' },
            ]}
            value={draft.unanswered}
            onChange={(unanswered) => change({ unanswered })}
          />
        </div>
      )}
      <fieldset className={css.budget}>
        <legend className="label">Budget · empty is no limit</legend>
        {line('tokens', 'Tokens')}
        {line('cost', 'Cost, $')}
        {line('time', 'Time, minutes')}
        {line('tasks', 'Tasks')}
      </fieldset>
    </div>
  )
}

/** Addresses that sessions on the screen already work on. */
function KnownRepositories() {
  const lists = useQueryClient().getQueriesData<SessionList>({ queryKey: ['sessions'] })
  const urls = lists.flatMap(([, list]) => list?.items.map(({ repository }) => repository?.url) ?? [])
  return (
    <datalist id="repositories">
      {[...new Set(urls)].map((url) => url && <option key={url} value={url} />)}
    </datalist>
  )
}

function faultsOf(error: unknown): Faults {
  const faults = placeFaults(fieldErrors(error))
  if (faults.fields.size > 0 || faults.others.length > 0) return faults
  if (error instanceof Unreachable) {
    return {
      ...noFaults,
      others: [`Uplink failed: ${sentenceOf(error)} Nothing of this form is lost; try again.`],
    }
  }
  const about = error instanceof Refusal ? ` (${error.code})` : ''
  return { ...noFaults, others: [`${sentenceOf(error)}${about}`] }
}

/** The same request keeps its key, so that a try whose answer was lost does not make a second session. */
function useCreate() {
  const client = useQueryClient()
  const navigate = useNavigate()
  const sent = useRef({ body: '', key: '' })
  return useMutation({
    mutationFn(body: NewSession) {
      const text = JSON.stringify(body)
      if (sent.current.body !== text) sent.current = { body: text, key: newKey() }
      return api.createSession(body, sent.current.key)
    },
    onSuccess(session) {
      draftStore.set(emptyDraft)
      client.setQueryData(['session', session.id], session)
      void client.invalidateQueries({ queryKey: ['sessions'] })
      void client.invalidateQueries({ queryKey: ['fleet'] })
      toast(
        'done',
        session.state === 'PENDING' ? `Created ${session.title}` : `Created and started ${session.title}`,
      )
      // It takes the form's place: closing that too would lead back to the list.
      void navigate({ to: '/sessions/$id', params: { id: session.id }, replace: true })
    },
  })
}

import { type FormEvent, type ReactNode, useState } from 'react'
import { access, signIn } from '../api/access.ts'
import { send } from '../api/client.ts'
import { Refusal, sentenceOf } from '../api/failure.ts'
import { Button } from '../parts/button.tsx'
import { Field } from '../parts/field.tsx'
import { useStore } from '../parts/store.ts'
import { useTitle } from '../parts/title.ts'
import css from './error-screen.module.css'

/** The page, for whoever has a key that is let in; a form for one to all others. */
export function Gate({ children }: { children: ReactNode }) {
  const { key, own, refused } = useStore(access)
  if (key !== null && !refused) return children
  return <KeyForm why={whyOf(own, refused)} />
}

function whyOf(own: boolean, refused: boolean) {
  if (!refused) return 'A key is needed. Whoever runs this orchestrator can make one.'
  return own
    ? 'The key of this machine has changed: reload the page, or enter another.'
    : 'The key is no longer let in: it was revoked, or has expired.'
}

function KeyForm({ why }: { why: string }) {
  const [key, setKey] = useState('')
  const [error, setError] = useState<string>()
  const [busy, setBusy] = useState(false)
  useTitle('Sign in')

  async function submit(event?: FormEvent) {
    event?.preventDefault()
    if (busy) return
    setBusy(true)
    const wrong = await whyRefused(key.trim())
    setBusy(false)
    if (wrong === undefined) signIn(key.trim())
    else setError(wrong)
  }

  return (
    <main className={css.screen}>
      <p className="label">Sign in</p>
      <h1 tabIndex={-1}>This orchestrator is locked</h1>
      <p>{why}</p>
      <form className={css.form} onSubmit={submit}>
        <Field
          label="Key"
          hint="It begins with oio_ and is kept in this tab alone, until it is closed."
          error={error}
        >
          {(control) => (
            <input
              {...control}
              type="password"
              autoComplete="off"
              spellCheck={false}
              value={key}
              onChange={({ target }) => setKey(target.value)}
            />
          )}
        </Field>
        <div className={css.ways}>
          <Button kind="strong" type="submit" busy={busy}>
            Sign in
          </Button>
          <Button onClick={() => location.reload()}>Reload the page</Button>
        </div>
      </form>
    </main>
  )
}

/** Why a key cannot be used; undefined when it can, also where it may not read everything. */
async function whyRefused(key: string) {
  if (!/^oio_[\w-]{16,250}$/.test(key)) return 'is no key: it begins with oio_.'
  try {
    await send('/stats', { key })
    return undefined
  } catch (error) {
    if (!(error instanceof Refusal)) return `could not be tried. ${sentenceOf(error)}`
    if (error.problem.status === 403) return undefined
    return error.problem.status === 401 ? 'is not let in.' : `could not be tried. ${sentenceOf(error)}`
  }
}

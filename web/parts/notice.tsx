import type { ReactNode } from 'react'
import { apiBase } from '../api/client.ts'
import { Refusal, sentenceOf, Unreachable } from '../api/failure.ts'
import { Button } from './button.tsx'
import { clockTime } from './format.ts'
import css from './notice.module.css'

/** A list that holds nothing: why, and what to do next. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={css.notice}>
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** What failed, what to look at, and a retry. */
export function Failed({ what, error, retry }: { what: string; error: unknown; retry: () => void }) {
  return (
    <div className={css.notice} data-kind="failed" role="alert">
      <h2>{error instanceof Unreachable ? 'Uplink failed' : `${what} could not be read`}</h2>
      <p>{sentenceOf(error)}</p>
      {error instanceof Unreachable && <Checks />}
      {error instanceof Refusal && error.problem.request_id && (
        <p className={css.small}>
          Request <span className="mono">{error.problem.request_id}</span>: the log of the API says more.
        </p>
      )}
      <Button onClick={retry}>Try again</Button>
    </div>
  )
}

function Checks() {
  const health = new URL('/health', apiBase()).href
  return (
    <ol className={css.checks}>
      <li>
        Is the orchestrator running? <code>npm start</code> in its folder brings it up.
      </li>
      <li>
        Does it answer? <a href={health}>{health}</a>
      </li>
      <li>
        What is missing? <code>npx orchestrator doctor</code> says it, with the remedy.
      </li>
    </ol>
  )
}

/** Before the first answer: quiet, so that a fast answer does not flicker. */
export function Reading({ what }: { what: string }) {
  return (
    <p className={css.reading} role="status">
      Reading {what}…
    </p>
  )
}

/** What is shown is of earlier: it could not be read again. */
export function Old({ error, at, retry }: { error: unknown; at: number; retry: () => void }) {
  return (
    <p className={css.old} role="status">
      <span>
        <b>{error instanceof Unreachable ? 'Uplink failed.' : 'Could not be read again.'}</b>{' '}
        {sentenceOf(error)} This is of {clockTime(at)}; it is read again as soon as the link is back.
      </span>
      <button type="button" onClick={retry}>
        Try again
      </button>
    </p>
  )
}

import { Component, type ReactNode } from 'react'
import { sentenceOf } from '../api/failure.ts'
import { Button } from '../parts/button.tsx'
import css from './error-screen.module.css'

/** What failed, and two ways on. */
export function ErrorScreen({ error, reset }: { error: unknown; reset?: () => void }) {
  return (
    <section className={css.screen} role="alert">
      <p className="label">This page failed</p>
      <h1 tabIndex={-1}>Something in the dashboard broke</h1>
      <p className="mono">{sentenceOf(error)}</p>
      <p>The orchestrator goes on without it: sessions and agents are not touched.</p>
      <div className={css.ways}>
        {reset && <Button onClick={reset}>Try again</Button>}
        <Button onClick={() => location.reload()}>Reload the page</Button>
      </div>
    </section>
  )
}

/** Around everything: an error outside of a page still gets an answer. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: undefined }

  static getDerivedStateFromError(error: unknown) {
    return { error: error ?? new Error('unknown') }
  }

  override render() {
    const { error } = this.state
    return error === undefined ? this.props.children : <ErrorScreen error={error} />
  }
}

import { Link } from '@tanstack/react-router'
import { useTitle } from '../parts/title.ts'
import css from './error-screen.module.css'

export function NotFound() {
  useTitle('Not found')
  return (
    <section className={css.screen}>
      <p className="label">Not found</p>
      <h1 tabIndex={-1}>There is no page at this address</h1>
      <p>
        <Link to="/sessions">Sessions</Link>, <Link to="/agents">agents</Link> and{' '}
        <Link to="/tasks">tasks</Link> have their own.
      </p>
    </section>
  )
}

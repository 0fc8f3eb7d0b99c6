import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { SessionChange } from '../../api/types.ts'
import { ago, clockTime, words } from '../../parts/format.ts'
import { Failed, Reading } from '../../parts/notice.tsx'
import { useNow } from '../../parts/now.ts'
import { StateMark } from '../../parts/state-mark.tsx'
import css from './changes.module.css'
import { overview } from './queries.ts'
import { Section } from './section.tsx'

/** The latest changes of sessions' states. */
export function Changes() {
  const changes = useQuery(overview.changes())
  return (
    <Section title="Recent activity" aside={<Link to="/sessions">All sessions</Link>}>
      {changes.isPending && <Reading what="what happened" />}
      {changes.isError && !changes.data && (
        <Failed what="What happened" error={changes.error} retry={() => changes.refetch()} />
      )}
      {changes.data?.items.length === 0 && (
        <p className={css.none}>
          Nothing has happened yet. <Link to="/sessions">Create a session</Link>: each change of its state is
          told here.
        </p>
      )}
      {changes.data && changes.data.items.length > 0 && (
        <ol className={css.changes}>
          {changes.data.items.map((change) => (
            <Row key={`${change.at} ${change.session_id} ${change.to}`} change={change} />
          ))}
        </ol>
      )}
    </Section>
  )
}

function Row({ change: { session_id, title, at, from, to } }: { change: SessionChange }) {
  const now = useNow()
  return (
    <li>
      <time dateTime={at} title={new Date(at).toLocaleString()}>
        {clockTime(at)}
      </time>
      <StateMark state={to} />
      <Link to="/sessions/$id" params={{ id: session_id }}>
        {title}
      </Link>
      <span className={css.move}>
        {from === null ? `created ${words(to)}` : `${words(from)} → ${words(to)}`}
      </span>
      <span className={css.ago}>{ago(at, now)}</span>
    </li>
  )
}

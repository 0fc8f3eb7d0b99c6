import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { Need } from '../../api/types.ts'
import { Button } from '../../parts/button.tsx'
import { ago, span } from '../../parts/format.ts'
import { Failed, Reading } from '../../parts/notice.tsx'
import { useNow } from '../../parts/now.ts'
import { actsOf, useAct } from './act.ts'
import css from './needs.module.css'
import { overview } from './queries.ts'
import { Section } from './section.tsx'

const tags: Record<Need['kind'], string> = {
  APPROVAL: 'Asks you',
  STUCK: 'Stuck',
  FAILED: 'Failed',
  PAUSED: 'Paused',
  NOT_STARTED: 'Not started',
}

/** What goes on only when a person does something, each with its sentence and the action in place. */
export function Needs() {
  const needs = useQuery(overview.needs())
  return (
    <Section title="Needs a person">
      {needs.isPending && <Reading what="what needs a person" />}
      {needs.isError && !needs.data && (
        <Failed what="What needs a person" error={needs.error} retry={() => needs.refetch()} />
      )}
      {needs.data?.items.length === 0 && (
        <p className={css.none}>
          Nothing. Approvals, stuck sessions and what failed in the last 24 hours stand here, each with what
          can be done about it.
        </p>
      )}
      {needs.data && needs.data.items.length > 0 && (
        <ul className={css.needs}>
          {needs.data.items.map((need) => (
            <Row key={need.approval?.id ?? need.session_id} need={need} />
          ))}
        </ul>
      )}
    </Section>
  )
}

function Row({ need }: { need: Need }) {
  const { kind, session_id, title, sentence, task_id, rehearsal } = need
  const act = useAct(title)
  const search = task_id ? { task: task_id } : {}
  const acts = actsOf(need)
  return (
    <li className={css.need}>
      <span className={css.tag} data-kind={kind}>
        {tags[kind]}
      </span>
      <div className={css.words}>
        <h3>
          <Link to="/sessions/$id" params={{ id: session_id }} search={search}>
            {title}
          </Link>
          {rehearsal && <span className={css.rehearsal}>rehearsal</span>}
        </h3>
        <p>{sentence}</p>
        <Age need={need} />
      </div>
      <div className={css.acts}>
        {acts.map((one) => (
          <Button
            key={one.key}
            aria-label={`${one.label}: ${title}`}
            busy={act.isPending && act.variables === one}
            onClick={() => act.mutate(one)}
          >
            {one.label}
          </Button>
        ))}
        {acts.length === 0 && (
          <Link className={css.open} to="/sessions/$id" params={{ id: session_id }} search={search}>
            {need.reason === 'budget_exceeded' ? 'Raise the budget' : 'Look at it'}
          </Link>
        )}
      </div>
    </li>
  )
}

function Age({ need: { since, until, approval } }: { need: Need }) {
  const now = useNow()
  const left =
    until === null
      ? ''
      : ` · ${approval ? 'its default is taken' : 'tried again'} in ${span(Date.parse(until) - now)}`
  return (
    <p className={css.age}>
      {ago(since, now)}
      {left}
    </p>
  )
}

import type { ReactNode } from 'react'
import type { Stats } from '../../api/types.ts'
import { countOf, notKnown, span } from '../../parts/format.ts'
import { useNow } from '../../parts/now.ts'
import css from './queues.module.css'
import { Section } from './section.tsx'

/** What waits for an agent, what waits for the engine, and what nobody could deal with. */
export function Queues({ queues: { tasks, steps } }: { queues: Stats['queues'] }) {
  const { queue } = steps
  return (
    <Section title="Queues">
      <dl className={css.queues}>
        <Group title="Tasks, for an agent">
          <Fact name="waiting" value={countOf(tasks.waiting)} />
          <Oldest at={tasks.oldest_at} />
        </Group>
        <Group title="Sessions, for the engine">
          <Fact name="due" value={countOf(steps.due)} />
          <Oldest at={steps.oldest_at} />
        </Group>
        <Group title="Messages, all tenants">
          <Fact name="waiting" value={countOf(queue?.waiting)} />
          <Fact name="in work" value={countOf(queue?.in_flight)} />
        </Group>
        <Group title="Dead letters">
          <Fact name="unread" value={countOf(queue?.dead_letters)} alarm={(queue?.dead_letters ?? 0) > 0} />
        </Group>
      </dl>
      <p className={css.note}>{noteOf(queue)}</p>
    </Section>
  )
}

function noteOf(queue: Stats['queues']['steps']['queue']) {
  if (queue === null)
    return 'The queue did not answer. What it holds is not lost: the sweep finds what is due in the rows.'
  if ((queue.dead_letters ?? 0) > 0)
    return 'A dead letter was received several times and never dealt with. The log of the step says why.'
  return 'Messages only wake the engine: one that is lost is found by the sweep.'
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className={css.group}>
      <dt>{title}</dt>
      {children}
    </div>
  )
}

function Fact({ name, value, alarm = false }: { name: string; value: string; alarm?: boolean }) {
  return (
    <dd data-alarm={alarm} data-unknown={value === notKnown}>
      <b>{value}</b> {name}
    </dd>
  )
}

function Oldest({ at }: { at: string | null }) {
  const now = useNow()
  if (at === null) return null
  return <Fact name="the oldest" value={span(now - Date.parse(at))} />
}

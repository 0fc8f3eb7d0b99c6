import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Session, WholeCheckpoint } from '../../../api/types.ts'
import { Button } from '../../../parts/button.tsx'
import { Dialog } from '../../../parts/dialog.tsx'
import { clockTime, countOf, sentenceCase } from '../../../parts/format.ts'
import { Failed, Reading } from '../../../parts/notice.tsx'
import { useControl } from '../head/controls.tsx'
import { ForkDialog } from '../head/fork-dialog.tsx'
import { whyNot } from '../head/rail.ts'
import { reads } from '../queries.ts'
import { changesBetween } from './changes-between.ts'
import css from './compare.module.css'
import { sizeText } from './size.ts'

type Props = { session: Session; number: number; onClose: () => void }

/** What one checkpoint holds differently from another, and the ways to go on from it. Loaded when it is asked for. */
export default function Compare({ session, number, onClose }: Props) {
  const [to, setTo] = useState(number)
  const [from, setFrom] = useState(number - 1)
  const [isForking, setForking] = useState(false)
  const control = useControl(session.id)
  const after = useQuery(reads.checkpoint(session.id, to))
  const before = useQuery({ ...reads.checkpoint(session.id, from), enabled: from > 0 })
  const isLast = to === session.checkpoint_number
  const whyNoResume = isLast
    ? whyNot(session.state, 'resume')
    : `A session goes on from its last checkpoint, ${session.checkpoint_number}. Fork it to go on from this one.`
  if (isForking) return <ForkDialog session={session} checkpoint={to} onClose={onClose} />
  const failed = after.error ?? (from > 0 ? before.error : null)
  const isThere = after.data && (from === 0 || before.data)
  return (
    <Dialog title={`Checkpoint ${to}`} onClose={onClose} wide>
      <div className={css.body}>
        {after.data && <About point={after.data} />}
        <div className={css.pick}>
          <Pick name="From (0: nothing)" least={0} most={to - 1} value={from} onPick={setFrom} />
          <Pick
            name="To"
            least={1}
            most={session.checkpoint_number}
            value={to}
            onPick={(next) => {
              setTo(next)
              if (from >= next) setFrom(next - 1)
            }}
          />
          <div className={css.ways}>
            <Button
              disabled={whyNoResume}
              busy={control.isPending}
              onClick={() => {
                onClose()
                control.mutate('resume')
              }}
            >
              Resume from here
            </Button>
            <Button onClick={() => setForking(true)}>Fork from here…</Button>
          </div>
        </div>
        {failed && (
          <Failed
            what="The checkpoint"
            error={failed}
            retry={() => void [after.refetch(), from > 0 && before.refetch()]}
          />
        )}
        {!isThere && !failed && <Reading what="the checkpoints" />}
        {after.data && isThere && (
          <Changes before={from === 0 ? null : (before.data ?? null)} after={after.data} />
        )}
      </div>
    </Dialog>
  )
}

function About({ point }: { point: WholeCheckpoint }) {
  return (
    <p className={css.facts}>
      <b>{sentenceCase(point.trigger)}</b> at {clockTime(point.created_at)} · {sizeText(point.size)} ·
      includes events up to {countOf(point.seq)}
    </p>
  )
}

type PickProps = { name: string; least: number; most: number; value: number; onPick: (next: number) => void }

function Pick({ name, least, most, value, onPick }: PickProps) {
  return (
    <label>
      <span className="label">{name}</span>
      <input
        type="number"
        min={least}
        max={most}
        value={value}
        onChange={({ target }) => {
          const next = Number(target.value)
          if (Number.isSafeInteger(next) && next >= least && next <= most) onPick(next)
        }}
      />
    </label>
  )
}

function Changes({ before, after }: { before: WholeCheckpoint | null; after: WholeCheckpoint }) {
  const changes = changesBetween(before, after)
  if (changes.length === 0) return <p>Nothing is different between them.</p>
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by the keyboard.
    <section className={css.scroll} tabIndex={0} aria-label="What changed">
      <table className={css.table}>
        <thead>
          <tr>
            <th scope="col">Of</th>
            <th scope="col">What</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {changes.map(({ of, field, before: old, after: now }) => (
            <tr key={`${of} ${field}`}>
              <td>{of}</td>
              <td>{field}</td>
              <td>{old === undefined ? '—' : <del>{old}</del>}</td>
              <td>{now === undefined ? '—' : <ins>{now}</ins>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

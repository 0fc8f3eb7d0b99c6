import { useMemo } from 'react'
import { useNow } from '../../../parts/now.ts'
import css from './terminal.module.css'
import type { View } from './view.ts'
import { rulerMarks } from './window.ts'

/** Marks that can be told apart, and lines that are looked at for them. */
const mostMarks = 240
const mostLooked = 2_000

type Props = { view: View; errors: View; found: View | null }

/** Where errors, and what is looked for, lie in the whole; drawn again once a second. */
export function Ruler({ view, errors, found }: Props) {
  const now = useNow()
  // biome-ignore lint/correctness/useExhaustiveDependencies: what the views hold changes with time.
  const marks = useMemo(
    () => ({ errors: marksOf(errors, view), found: found ? marksOf(found, view) : [] }),
    [now, view, errors, found],
  )
  return (
    <div className={css.ruler} aria-hidden="true">
      {marks.errors.map((at) => (
        <i key={at} style={{ top: `${at * 100}%` }} />
      ))}
      {marks.found.map((at) => (
        <i key={at} data-kind="found" style={{ top: `${at * 100}%` }} />
      ))}
    </div>
  )
}

function marksOf(some: View, all: View) {
  const stride = Math.max(1, Math.ceil(some.length / mostLooked))
  const count = Math.ceil(some.length / stride)
  const rows = Array.from({ length: count }, (_, i) => all.rowOf(some.indexAt(i * stride)))
  return rulerMarks(rows, all.length, mostMarks)
}

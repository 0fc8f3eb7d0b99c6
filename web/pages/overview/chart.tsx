import { clockTime } from '../../parts/format.ts'
import type { Window } from './search.ts'
import { barsOf, outlineOf } from './steps.ts'
import css from './trends.module.css'

type Props = {
  title: string
  /** The whole of it in one figure, and what that is made of. */
  figure: string
  note: string
  from: string
  window: Window
  /** What is said when there is nothing to draw. */
  empty: string
  /** What the top of the axis stands for; 0 when there is nothing to draw. */
  top: number
  label: (value: number) => string
  /** Solid bars above the ground, and crossed ones below. */
  up?: readonly number[]
  down?: readonly number[]
  /** An area under a line. */
  lit?: readonly number[]
  /** A mark where something is known. */
  marks?: readonly (number | null)[]
}

const height = 48
const gap = 0.14

/** One small chart, with its figure in words; drawn in its own units and stretched to its place. */
export function Chart({ title, figure, note, from, window, empty, top, label, up, down, lit, marks }: Props) {
  const length = (up ?? lit ?? marks ?? []).length
  const isEmpty = top === 0 || (marks?.every((mark) => mark === null) ?? false)
  const below = down?.some((value) => value > 0) ? height : 0
  return (
    <figure className={css.chart}>
      <figcaption>
        <span className="label">{title}</span>
        <b>{figure}</b>
        <small>{note}</small>
      </figcaption>
      <div className={css.plot} data-empty={isEmpty}>
        {isEmpty ? (
          <p>{empty}</p>
        ) : (
          <>
            <svg viewBox={`0 0 ${length} ${height + below}`} preserveAspectRatio="none" aria-hidden="true">
              {barsOf(up ?? [], top, height).map(({ x, width, y, height }) => (
                <rect key={x} className={css.up} x={x + gap} width={width - 2 * gap} y={y} height={height} />
              ))}
              {barsOf(down ?? [], top, height).map(({ x, width, height: tall }) => (
                <rect
                  key={x}
                  className={css.down}
                  x={x + gap}
                  width={width - 2 * gap}
                  y={height}
                  height={tall}
                />
              ))}
              {lit && (
                <>
                  <path
                    className={css.area}
                    d={`${outlineOf(lit, top, height)}L${length} ${height}L0 ${height}Z`}
                  />
                  <path className={css.line} d={outlineOf(lit, top, height)} />
                </>
              )}
              {marks?.map(
                (mark, x) =>
                  mark !== null && (
                    <path
                      // biome-ignore lint/suspicious/noArrayIndexKey: a step is its place.
                      key={x}
                      className={css.mark}
                      d={`M${x + gap} ${markAt(mark)}H${x + 1 - gap}`}
                    />
                  ),
              )}
              <path className={css.ground} d={`M0 ${height}H${length}`} />
            </svg>
            <span className={css.top}>{label(top)}</span>
          </>
        )}
      </div>
      <p className={css.axis}>
        <span>{beginning(from, window)}</span>
        <span>now</span>
      </p>
    </figure>
  )
}

/** Kept off the edges, which would cut its stroke in half. */
function markAt(value: number) {
  return 2 + (1 - value) * (height - 4)
}

function beginning(from: string, window: Window) {
  if (from === '') return ''
  if (window === 'hour') return clockTime(from).slice(0, 5)
  const date = new Date(from)
  const day = date.toLocaleDateString('en', { day: 'numeric', month: 'short' })
  return `${day}, ${clockTime(from).slice(0, 5)}`
}

import { memo } from 'react'
import { clockTime } from '../../../parts/format.ts'
import { type Line, placeOf } from '../feed/line.ts'
import { Ansi } from './ansi.tsx'
import css from './terminal.module.css'
import { rowHeight } from './window.ts'

type Props = {
  line: Line
  row: number
  taskKey: string
  isOn: boolean
  found: string
  onPlace: (place: number | string) => void
}

/** One line: its number (a permalink), when, whose, what. */
export const LineRow = memo(function LineRow({ line, row, taskKey, isOn, found, onPlace }: Props) {
  const { seq, nth, at, stream, isError } = line
  const place = placeOf(line)
  return (
    <div
      className={css.line}
      data-on={isOn}
      data-stream={stream}
      data-error={isError}
      style={{ transform: `translateY(${row * rowHeight}px)` }}
    >
      <a
        href={`?line=${place}`}
        className={css.seq}
        tabIndex={-1}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return
          event.preventDefault()
          onPlace(place)
        }}
      >
        {nth === 0 ? seq : `·${nth}`}
      </a>
      <time>{clockTime(at)}</time>
      <span className={css.key}>{taskKey}</span>
      <code className={css.text}>
        <Head line={line} />
        <Ansi text={line.text} found={found} />
      </code>
    </div>
  )
})

/** What stands before a line's text: where it came from, in form before colour. */
function Head({ line: { stream, nth, tool, status, took } }: { line: Line }) {
  if (stream === 'stdout' || stream === 'stderr') return <span className={css.mark}>│ </span>
  if (stream === 'event') return <span className={css.mark}>◆ </span>
  if (stream === 'system') return <span className={css.mark}>● </span>
  if (stream === 'thought') return <span className={css.mark}>~ </span>
  if (stream !== 'tool') return null
  if (nth > 0) return <span className={css.mark}>{'  '}</span>
  const mark = status === 'completed' ? '✓' : status === 'error' ? '✗' : '▸'
  const tone = status === 'completed' ? css.ok : status === 'error' ? css.bad : css.tool
  return (
    <>
      <span className={tone}>{mark} </span>
      <span className={css.tool}>{tool} </span>
      {took !== null && <span className={css.took}>{tookText(took)} </span>}
    </>
  )
}

/** 345 ms, 1.2 s, 95 s. */
export function tookText(ms: number) {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 1_000)} s`
}

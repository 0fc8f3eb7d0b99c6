import { usageStep } from '../feed/story.ts'

export type Rate = {
  /** Tokens per minute of each column, in order. */
  columns: number[]
  /** Length of a column, in ms. */
  step: number
  /** The largest of them. */
  top: number
}

const minute = 60_000

/** Tokens per minute from `from` to `to`, in so many columns at most; null before anything was reported. */
export function rateOf(
  tokens: ReadonlyMap<number, number>,
  from: number,
  to: number,
  most: number,
): Rate | null {
  if (tokens.size === 0) return null
  const start = Math.floor(from / usageStep) * usageStep
  const steps = Math.max(1, Math.ceil((to - start) / usageStep / most))
  const step = steps * usageStep
  const count = Math.max(1, Math.ceil((to - start) / step))
  const columns = Array.from({ length: count }, () => 0)
  for (const [at, used] of tokens) {
    const column = Math.max(0, Math.min(count - 1, Math.floor((at - start) / step)))
    columns[column] = (columns[column] ?? 0) + (used * minute) / step
  }
  return { columns, step, top: Math.max(...columns) }
}

/** The outline of columns as steps, in a box of 100 × 100 whose top is `top`. */
export function outlineOf({ columns }: Rate, top: number) {
  const width = 100 / columns.length
  const y = (value: number) => (100 - (top > 0 ? (100 * value) / top : 0)).toFixed(2)
  return columns
    .map(
      (value, i) =>
        `${i === 0 ? 'M' : 'L'}${(i * width).toFixed(2)} ${y(value)}H${((i + 1) * width).toFixed(2)}`,
    )
    .join('')
}

/** A round figure at or above the largest one: 1, 2 or 5 times a power of ten. */
export function roundTop(top: number) {
  if (top <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(top))
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= top) ?? 10 * power
}

import type { History } from '../../api/types.ts'

export type Point = History['points'][number]
export type Bar = { x: number; width: number; y: number; height: number }

/** Of a chart in its own units: as wide as there are steps, as high as `height`. */
export function barsOf(values: readonly number[], top: number, height: number): Bar[] {
  if (top <= 0) return []
  return values.flatMap((value, x) => {
    if (value <= 0) return []
    const tall = Math.min(height, (value / top) * height)
    return [{ x, width: 1, y: height - tall, height: tall }]
  })
}

/** The outline over the values of each step, as the points of a path. */
export function outlineOf(values: readonly number[], top: number, height: number) {
  if (top <= 0) return ''
  const at = (value: number) => round(height - Math.min(1, value / top) * height)
  return values.map((value, x) => `${x === 0 ? 'M' : 'L'}${x} ${at(value)}L${x + 1} ${at(value)}`).join('')
}

const round = (value: number) => Math.round(value * 1_000) / 1_000

/** The next round figure at or above the largest: what the top of an axis says. */
export function niceTop(largest: number) {
  if (largest <= 0) return 0
  const magnitude = 10 ** Math.floor(Math.log10(largest))
  const step = [1, 2, 2.5, 5, 10].find((one) => one * magnitude >= largest * (1 - 1e-9)) ?? 10
  return step * magnitude
}

/** The same for counts, which have no halves. */
export function niceCount(largest: number) {
  return Math.ceil(niceTop(largest))
}

/** Completed over those that ended; null where none did. */
export function successOf({ completed, failed }: Point['tasks']) {
  const ended = completed + failed
  return ended === 0 ? null : completed / ended
}

export function totalOf(points: readonly Point[]) {
  const sum = (of: (point: Point) => number) => points.reduce((all, point) => all + of(point), 0)
  return {
    sessions: {
      completed: sum(({ sessions }) => sessions.completed),
      failed: sum(({ sessions }) => sessions.failed),
      stopped: sum(({ sessions }) => sessions.stopped),
    },
    tasks: { completed: sum(({ tasks }) => tasks.completed), failed: sum(({ tasks }) => tasks.failed) },
    tokens: sum(({ used }) => used.tokens),
    cost_usd: sum(({ used }) => used.cost_usd),
  }
}

/** Px from the end that still are the end: scrollTop has fractions, the height has none. */
const near = 24

/**
 * Whether the reader is taken along to the end. `seen` counts the lines before the pause, null while none was counted;
 * `top` and `height` are what the last scroll left.
 */
export type Follow = { following: boolean; seen: number | null; top: number; height: number }

export type FollowStep =
  /** The box was scrolled, by whomever: to `top` of `height` px, of which `shown` are seen. */
  | { type: 'scrolled'; top: number; height: number; shown: number; total: number }
  /** The page itself has moved the box: not the reader's doing. */
  | { type: 'placed'; top: number; height: number }
  | { type: 'pause'; total: number }
  | { type: 'resume' }

/**
 * One scroll upwards lets go; the end takes up again. A box that has shrunk moves up by itself, which is nobody's wish.
 * `total` counts the lines that ever came.
 */
export function follow(state: Follow, step: FollowStep): Follow {
  if (step.type === 'resume') return { ...state, following: true }
  if (step.type === 'pause')
    return state.following || state.seen === null ? { ...state, following: false, seen: step.total } : state
  const { top, height } = step
  const moved = { ...state, top, height }
  if (step.type === 'placed') return moved
  const isUp = top < state.top - 1 && height >= state.height
  if (isUp) return state.following ? { ...moved, following: false, seen: step.total } : moved
  const isEnd = top + step.shown >= height - near
  const isDown = top > state.top
  return !state.following && isEnd && isDown ? { ...moved, following: true } : moved
}

/** Lines that came since the pause. */
export function missed({ following, seen }: Follow, total: number) {
  return following || seen === null ? 0 : Math.max(0, total - seen)
}

import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { comparePlaces, type Line, type Place } from '../feed/line.ts'
import type { Ring } from '../feed/ring.ts'
import { type Follow, type FollowStep, follow, missed } from './follow.ts'
import type { View } from './view.ts'
import { endOf, middleOf, rowHeight } from './window.ts'

/** Whether it is followed, and what is in the box; it never moves under a reader who has stopped. */
export function useTail(ring: Ring, view: View, isFollowing: boolean) {
  const box = useRef<HTMLDivElement>(null)
  const height = useHeight(box)
  const state = useRef<Follow>({ following: isFollowing, seen: null, top: 0, height: 0 })
  const [following, setFollowing] = useState(isFollowing)
  const [top, setTop] = useState(0)
  /** The line at the upper edge while it is paused: it stays there when lines go, or others are shown. */
  const anchor = useRef<{ line: Line; offset: number; view: View; gone: number } | null>(null)
  const { length, total } = view
  const gone = total - length

  const step = (next: FollowStep) => {
    state.current = follow(state.current, next)
    setFollowing(state.current.following)
  }
  const keep = (at: number) => {
    const row = Math.floor(at / rowHeight)
    const line = view.at(row)
    anchor.current = line ? { line, offset: at - row * rowHeight, view, gone } : null
  }
  const place = (at: number) => {
    const { current } = box
    if (!current) return
    current.scrollTop = at
    step({ type: 'placed', top: current.scrollTop, height: current.scrollHeight })
    setTop(current.scrollTop)
    keep(current.scrollTop)
  }

  // After each drawing: at the end while it is followed, else where the reader was.
  useLayoutEffect(() => {
    const { current } = box
    if (!current) return
    if (state.current.following) {
      current.scrollTop = current.scrollHeight
      state.current = follow(state.current, {
        type: 'placed',
        top: current.scrollTop,
        height: current.scrollHeight,
      })
      return
    }
    const held = anchor.current
    if (!held || (held.view === view && held.gone === gone)) return
    const row = view.rowOf(ring.find(held.line))
    place(row * rowHeight + held.offset)
  })

  const onScroll = () => {
    const { current } = box
    if (!current) return
    const { scrollTop, scrollHeight, clientHeight } = current
    const wasFollowing = state.current.following
    step({ type: 'scrolled', top: scrollTop, height: scrollHeight, shown: clientHeight, total })
    if (state.current.following && wasFollowing) return
    setTop(scrollTop)
    keep(scrollTop)
  }
  const pause = () => {
    const wasFollowing = state.current.following
    step({ type: 'pause', total })
    if (!wasFollowing) return
    setTop(endOf(height, length))
    keep(endOf(height, length))
  }
  return {
    box,
    height,
    top: following ? endOf(height, length) : top,
    following,
    missed: missed(state.current, total),
    onScroll,
    toggle: () => (state.current.following ? pause() : step({ type: 'resume' })),
    resume: () => step({ type: 'resume' }),
    /** Shows a row in the middle, paused. */
    show(row: number) {
      pause()
      place(middleOf(row, height, length))
    },
  }
}

function useHeight(box: RefObject<HTMLDivElement | null>) {
  const [height, setHeight] = useState(400)
  useEffect(() => {
    const { current } = box
    if (!current) return
    const observer = new ResizeObserver(() => setHeight(current.clientHeight))
    observer.observe(current)
    return () => observer.disconnect()
  }, [box])
  return height
}

/** The row of a place, when its line is shown; null when the ring or the filter does not hold it. */
export function rowAt(ring: Ring, view: View, place: Place) {
  const index = ring.find(place)
  const line = ring.at(index)
  if (!line || comparePlaces(line, place) !== 0) return null
  const row = view.rowOf(index)
  return view.indexAt(row) === index ? row : null
}

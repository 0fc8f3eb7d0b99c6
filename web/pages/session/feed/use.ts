import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useSyncExternalStore } from 'react'
import type { SessionEvent } from '../../../api/types.ts'
import { live } from '../../../live/open.ts'
import { useStore } from '../../../parts/store.ts'
import { SessionFeed } from './feed.ts'

/** Bursts of changes become one reading; ms. */
const gatherMs = 300
const endings: readonly SessionEvent['type'][] = ['task.completed', 'session.completed', 'session.forked']

/** The feed of a session for as long as its page is shown; what changes makes the page's pictures be read again. */
export function useFeed(id: string) {
  const client = useQueryClient()
  const feed = useMemo(() => {
    let due: ReturnType<typeof setTimeout> | undefined
    const heard = new Set<SessionEvent['type']>()
    const refresh = () => {
      due = undefined
      void client.invalidateQueries({ queryKey: ['session', id] })
      if (endings.some((type) => heard.has(type))) void client.invalidateQueries({ queryKey: ['diff', id] })
      if ([...heard].some((type) => type.startsWith('context.')))
        void client.invalidateQueries({ queryKey: ['contexts'] })
      heard.clear()
    }
    return new SessionFeed(id, live(), (types) => {
      for (const type of types) heard.add(type)
      if (due === undefined) due = setTimeout(refresh, gatherMs)
    })
  }, [id, client])
  useEffect(() => feed.open(), [feed])
  return feed
}

/** The lines' picture, drawn again as more come. */
export function useLines(feed: SessionFeed) {
  useSyncExternalStore(feed.lines.subscribe, feed.lines.get)
  return feed.picture.ring
}

/** The course of the session, drawn again when it has changed. @returns it, and a number that grows with it */
export function useCourse(feed: SessionFeed) {
  const version = useStore(feed.course)
  return { story: feed.picture.story, version }
}

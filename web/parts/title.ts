import { useEffect } from 'react'

/** Names the page in the tab, in the history and for the announcer. */
export function useTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Orchestrator`
  }, [title])
}

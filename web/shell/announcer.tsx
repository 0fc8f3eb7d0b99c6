import { useRouter } from '@tanstack/react-router'
import { useEffect, useState } from 'react'

/** Names of pages are set by the pages: they have drawn themselves by then, in ms. */
const settleMs = 60

/** Says the name of a page that was gone to, and moves the focus to its heading; the first page needs neither. */
export function RouteAnnouncer() {
  const router = useRouter()
  const [said, setSaid] = useState('')
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const leave = router.subscribe('onRendered', ({ fromLocation, pathChanged }) => {
      if (!fromLocation || !pathChanged) return
      clearTimeout(timer)
      timer = setTimeout(() => {
        setSaid(document.title)
        // An open dialog keeps the focus.
        if (!document.querySelector('dialog:modal')) document.querySelector<HTMLElement>('main h1')?.focus()
      }, settleMs)
    })
    return () => {
      clearTimeout(timer)
      leave()
    }
  }, [router])
  return (
    <p className="sr" role="status">
      {said}
    </p>
  )
}

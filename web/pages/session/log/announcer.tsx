import { useEffect, useRef, useState } from 'react'
import { countOf } from '../../../parts/format.ts'

/** A screen reader hears of lines in batches, at most this often, in ms. */
const everyMs = 15_000

/** Says how many lines and errors have come, now and then; never each line. */
export function Announcer({ total, errors }: { total: number; errors: number }) {
  const latest = useRef({ total, errors })
  const [said, setSaid] = useState('')
  latest.current = { total, errors }
  useEffect(() => {
    let before = latest.current
    const timer = setInterval(() => {
      const now = latest.current
      const lines = now.total - before.total
      const wrong = now.errors - before.errors
      before = now
      if (lines <= 0) return
      setSaid(`${countOf(lines)} new lines${wrong > 0 ? `, ${countOf(wrong)} of them errors` : ''}`)
    }, everyMs)
    return () => clearInterval(timer)
  }, [])
  return (
    <p className="sr" role="status">
      {said}
    </p>
  )
}

import type { LiveState, LiveStatus } from '../live/live.ts'
import { live } from '../live/open.ts'
import { useLink } from '../live/use.ts'
import { KeyCaps } from '../parts/button.tsx'
import { ago, clockTime, span } from '../parts/format.ts'
import { useNow } from '../parts/now.ts'
import { useAllCommands } from './commands.ts'
import css from './status-bar.module.css'

const names: Record<LiveState, string> = {
  live: 'Live',
  catching_up: 'Catching up',
  reconnecting: 'Reconnecting',
  offline: 'Offline',
}
const mostKeys = 5

/** The truth about the link, and the keys that act here. */
export function StatusBar({ api, onKeys }: { api: string; onKeys: () => void }) {
  const link = useLink()
  const isUp = link.state === 'live' || link.state === 'catching_up'
  // A link that was never up says "connecting": nothing is lost yet.
  const isFirst = link.heard_at === null && link.state === 'reconnecting' && link.reason === null
  return (
    <footer className={css.bar}>
      <span className={css.state} data-state={isFirst ? 'first' : link.state}>
        <i aria-hidden="true" />
        <span role="status">{isFirst ? 'Connecting' : names[link.state]}</span>
      </span>
      {isUp ? <Heard link={link} /> : <Lost link={link} />}
      <span className={css.api}>
        {live().via} · {api}
      </span>
      <Keys onKeys={onKeys} />
    </footer>
  )
}

function Heard({ link }: { link: LiveStatus }) {
  const now = useNow()
  if (link.heard_at === null) return null
  return <span className={css.fact}>last word {ago(new Date(link.heard_at).toISOString(), now)}</span>
}

function Lost({ link }: { link: LiveStatus }) {
  const now = useNow()
  const { heard_at, retry_at, reason } = link
  if (reason === null) return null
  const next =
    retry_at === null || retry_at <= now ? 'trying now' : `next try in ${span(retry_at - now + 999)}`
  return (
    <>
      <span className={css.fact}>
        {heard_at === null ? 'no word yet' : `what you see is of ${clockTime(heard_at)}`} · {next}
      </span>
      <button type="button" className={css.retry} onClick={() => live().retry()}>
        Try now
      </button>
    </>
  )
}

function Keys({ onKeys }: { onKeys: () => void }) {
  const here = useAllCommands().filter(
    ({ keys, group, disabled }) =>
      keys && group !== 'Go to' && group !== 'Dashboard' && disabled === undefined,
  )
  return (
    <span className={css.keys}>
      {here.slice(0, mostKeys).map(({ id, keys = '', title }) => (
        <span key={id}>
          <KeyCaps keys={keys} /> {title.replace(/…$/, '').toLowerCase()}
        </span>
      ))}
      <button type="button" onClick={onKeys} aria-haspopup="dialog">
        <KeyCaps keys="?" /> all keys
      </button>
    </span>
  )
}

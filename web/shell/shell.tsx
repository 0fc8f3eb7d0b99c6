import { Outlet, useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import { access, signOut } from '../api/access.ts'
import { useLink } from '../live/use.ts'
import { useStore } from '../parts/store.ts'
import { RouteAnnouncer } from './announcer.tsx'
import { useCommands } from './commands.ts'
import { useKeyboard } from './keyboard.ts'
import { KeysSheet } from './keys-sheet.tsx'
import { places } from './places.ts'
import css from './shell.module.css'
import { StatusBar } from './status-bar.tsx'
import { setTheme, themes } from './theme.ts'
import { ToastList } from './toast-list.tsx'
import { TopBar } from './top-bar.tsx'

const Palette = lazy(() => import('./palette.tsx'))

const signingOut = {
  id: 'sign out',
  group: 'Dashboard',
  title: 'Sign out',
  words: 'key log out leave',
  run: signOut,
}

/** What stands around every page. */
export function Shell({ environment, api }: { environment: string; api: string }) {
  const [open, setOpen] = useState<'palette' | 'keys' | null>(null)
  const navigate = useNavigate()
  const { state } = useLink()
  const { own } = useStore(access)
  useCommands([
    ...places.map(({ to, title, keys }) => ({
      id: `go ${to}`,
      group: 'Go to',
      title,
      keys,
      run: () => navigate({ to }),
    })),
    {
      id: 'new session',
      group: 'Sessions',
      title: 'New session…',
      keys: 'n',
      words: 'create start goal',
      run: () =>
        navigate({
          to: '/sessions',
          // The filters of the list stay; those of another place mean something else.
          search: (now) => (location.pathname === '/sessions' ? { ...now, new: true } : { new: true }),
        }),
    },
    {
      id: 'palette',
      group: 'Dashboard',
      title: 'Go to session, agent, or command',
      keys: '$mod+k',
      keyOnly: true,
      run: () => setOpen('palette'),
    },
    { id: 'keys', group: 'Dashboard', title: 'Show all keys', keys: 'Shift+?', run: () => setOpen('keys') },
    ...(own ? [] : [signingOut]),
    ...themes.map((theme) => ({
      id: `theme ${theme}`,
      group: 'Dashboard',
      title: `Theme: ${theme}`,
      words: 'dark light colour',
      run: () => setTheme(theme),
    })),
  ])
  useKeyboard()
  const isStale = state === 'reconnecting' || state === 'offline'
  const close = () => setOpen(null)
  return (
    <div className={css.shell}>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <TopBar environment={environment} onPalette={() => setOpen('palette')} />
      <main id="main" className={css.main} tabIndex={-1} data-stale={isStale}>
        <Outlet />
      </main>
      <StatusBar api={api} onKeys={() => setOpen('keys')} />
      <RouteAnnouncer />
      <ToastList />
      {open === 'palette' && (
        <Suspense fallback={null}>
          <Palette onClose={close} />
        </Suspense>
      )}
      {open === 'keys' && <KeysSheet onClose={close} />}
    </div>
  )
}

import { Link } from '@tanstack/react-router'
import { access, signOut } from '../api/access.ts'
import { KeyCaps } from '../parts/button.tsx'
import { Mark } from '../parts/mark.tsx'
import { useStore } from '../parts/store.ts'
import { places } from './places.ts'
import { nextTheme, setTheme, useTheme } from './theme.ts'
import css from './top-bar.module.css'

/** The four places, the palette, the theme, and where this is. */
export function TopBar({ environment, onPalette }: { environment: string; onPalette: () => void }) {
  const theme = useTheme()
  const { own } = useStore(access)
  return (
    <header className={css.bar}>
      <Link className={css.mark} to="/" aria-label="Orchestrator, overview">
        <Mark />
        <span>Orchestrator</span>
      </Link>
      <nav className={css.places} aria-label="Main">
        <ul>
          {places.map(({ to, title }) => (
            <li key={to}>
              <Link to={to} activeOptions={{ exact: to === '/', includeSearch: false }}>
                {title}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <button type="button" className={css.find} onClick={onPalette} aria-haspopup="dialog">
        <span className={css.hint}>Go to session, agent, or command</span>
        <span className={css.short}>Find</span>
        <KeyCaps keys="$mod+k" />
      </button>
      <button
        type="button"
        className={css.theme}
        onClick={() => setTheme(nextTheme(theme))}
        title={`Theme: ${theme}`}
      >
        <span aria-hidden="true" data-theme-mark={theme} />
        <span className="sr">Theme: {theme}. Change</span>
      </button>
      <span className={css.place}>
        {environment}
        {!own && (
          <button type="button" className={css.out} onClick={signOut}>
            Sign out
          </button>
        )}
      </span>
    </header>
  )
}

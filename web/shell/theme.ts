import { makeStore, useStore } from '../parts/store.ts'

export const themes = ['auto', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const place = 'theme'

function kept(): Theme {
  const now = document.documentElement.dataset.theme
  return now === 'light' || now === 'dark' ? now : 'auto'
}

const theme = makeStore<Theme>(kept())

/** Shows the page in a theme and remembers it; `auto` is the system's. */
export function setTheme(next: Theme) {
  const { dataset } = document.documentElement
  if (next === 'auto') delete dataset.theme
  else dataset.theme = next
  try {
    if (next === 'auto') localStorage.removeItem(place)
    else localStorage.setItem(place, next)
  } catch {
    // No storage: it holds until the page is left.
  }
  theme.set(next)
}

export function nextTheme(now: Theme): Theme {
  return themes[(themes.indexOf(now) + 1) % themes.length] ?? 'auto'
}

export function useTheme() {
  return useStore(theme)
}

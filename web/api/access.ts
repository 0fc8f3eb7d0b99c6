import { makeStore } from '../parts/store.ts'

/** Where a person's key is kept: in this tab, until it is closed or the person signs out. */
const place = 'orchestrator.key'

export type Access = {
  key: string | null
  /** The machine gave it to its own page; there is nobody to sign out. */
  own: boolean
  /** The API has said that it lets nobody in. */
  refused: boolean
}

/** With what the page asks. */
export const access = makeStore<Access>({ key: null, own: false, refused: false })

/** Takes the key that the page was served with, else the one that a person has entered in this tab. */
export function openAccess(given: string | null) {
  access.set({ key: given ?? sessionStorage.getItem(place), own: given !== null, refused: false })
}

/** Keeps a key for this tab, and begins anew with it. */
export function signIn(key: string) {
  sessionStorage.setItem(place, key)
  location.reload()
}

/** Forgets the key and all that was read with it. */
export function signOut() {
  sessionStorage.removeItem(place)
  location.reload()
}

/** A key that is unknown, revoked or expired is of no more use. */
export function refuse() {
  const now = access.get()
  if (now.key === null || now.refused) return
  if (!now.own) sessionStorage.removeItem(place)
  access.set({ ...now, refused: true })
}

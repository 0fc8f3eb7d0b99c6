import { useSyncExternalStore } from 'react'
import { live } from './open.ts'

const subscribe = (listener: () => void) => live().onStatus(listener)
const status = () => live().status()

/** How the link stands now. */
export function useLink() {
  return useSyncExternalStore(subscribe, status)
}

import { useEffect, useRef } from 'react'
import { makeStore, useStore } from '../parts/store.ts'

/** Something that can be done now: by its key, in the palette, and listed on the sheet of keys. */
export type Command = {
  id: string
  group: string
  title: string
  /** As tinykeys reads it: `n`, `g s`, `$mod+k`, `Shift+?`. */
  keys?: string
  /** Further words that find it. */
  words?: string
  /** Why it cannot be done now. */
  disabled?: string | undefined
  /** Only a key: it makes no sense in the palette. */
  keyOnly?: boolean
  run(): void
}

const slots = new Map<symbol, readonly Command[]>()
const commands = makeStore<readonly Command[]>([])

const publish = () => commands.set([...slots.values()].flat())

/** Contributes commands for as long as the part is shown. What they do may change with each drawing. */
export function useCommands(given: readonly Command[]) {
  const latest = useRef(given)
  const slot = useRef(Symbol('commands'))
  const shape = JSON.stringify(given.map(({ run: _run, ...told }) => told))
  useEffect(() => {
    latest.current = given
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is told decides; what runs is read when it runs.
  useEffect(() => {
    const key = slot.current
    slots.set(
      key,
      given.map((command) => ({
        ...command,
        run: () => latest.current.find(({ id }) => id === command.id)?.run(),
      })),
    )
    publish()
    return () => {
      slots.delete(key)
      publish()
    }
  }, [shape])
}

/** Everything that can be done now. */
export function useAllCommands() {
  return useStore(commands)
}

/** `g s` → G S, for a keyboard's picture. */
export function keyCaps(keys: string) {
  const isMac = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.userAgent)
  return keys.split(' ').map((press) =>
    press
      .replace('$mod+', isMac ? '⌘' : 'Ctrl ')
      .replace(/^Shift\+(?=[^a-z])/i, '')
      .replace('Shift+', '⇧')
      .replace('Escape', 'Esc')
      .replace('ArrowDown', '↓')
      .replace('ArrowUp', '↑')
      .replace(/\b([a-z])$/, (letter) => letter.toUpperCase()),
  )
}

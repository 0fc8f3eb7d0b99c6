import { useEffect } from 'react'
import { tinykeys } from 'tinykeys'
import { useAllCommands } from './commands.ts'

/** Whether keys mean text now, or belong to an open dialog. */
export function isBusy(event: KeyboardEvent) {
  const { target } = event
  if (document.querySelector('dialog:modal')) return true
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable="true"]')
}

/** Lets every command be done by its key. */
export function useKeyboard() {
  const commands = useAllCommands()
  useEffect(() => {
    const bindings = commands.flatMap(({ keys, disabled, run }) => {
      if (keys === undefined || disabled !== undefined) return []
      const press = (event: KeyboardEvent) => {
        if (!keys.includes('$mod') && isBusy(event)) return
        event.preventDefault()
        run()
      }
      return [[keys, press] as const]
    })
    return tinykeys(window, Object.fromEntries(bindings))
  }, [commands])
}

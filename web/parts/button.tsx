import type { ButtonHTMLAttributes, ReactNode } from 'react'
import { keyCaps } from '../shell/commands.ts'
import css from './button.module.css'

type Props = Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'disabled'> & {
  children: ReactNode
  /** `strong` is the one that a page is for; `alarm` destroys. */
  kind?: 'plain' | 'strong' | 'alarm'
  /** The key that does the same. */
  keys?: string | undefined
  /** Why it cannot be pressed now; it stays reachable, so that the reason can be read. */
  disabled?: string | undefined
  busy?: boolean
}

/** A button that says what happens, shows its key, and when it cannot act, why. */
export function Button({ children, kind = 'plain', keys, disabled, busy = false, onClick, ...rest }: Props) {
  const idle = disabled === undefined && !busy
  return (
    <button
      type="button"
      title={disabled}
      {...rest}
      className={css.button}
      data-kind={kind}
      aria-disabled={!idle}
      aria-busy={busy}
      onClick={(event) => (idle ? onClick?.(event) : event.preventDefault())}
    >
      <span>{children}</span>
      {disabled !== undefined && <span className="sr"> ({disabled})</span>}
      {keys !== undefined && <KeyCaps keys={keys} />}
    </button>
  )
}

/** The keys as they are on the keyboard. */
export function KeyCaps({ keys }: { keys: string }) {
  return (
    <span className={css.caps} aria-hidden="true">
      {keyCaps(keys).map((cap) => (
        <kbd key={cap}>{cap}</kbd>
      ))}
    </span>
  )
}

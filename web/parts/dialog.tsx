import { type ReactNode, useEffect, useId, useRef } from 'react'
import { KeyCaps } from './button.tsx'
import css from './dialog.module.css'

type Props = {
  title: string
  children: ReactNode
  onClose: () => void
  /** Says no title: its content has one. */
  bare?: boolean
  wide?: boolean
}

/** A modal on the browser's own <dialog>: top layer, focus and Escape are its. Mounted is open. */
export function Dialog({ title, children, onClose, bare = false, wide = false }: Props) {
  const box = useRef<HTMLDialogElement>(null)
  const heading = useId()
  useEffect(() => {
    const { current } = box
    if (current && !current.open) current.showModal()
    // The browser's own choice is the first thing to press, which closes it again.
    current?.querySelector<HTMLElement>('input:not([type="radio"]), textarea, select')?.focus()
    return () => current?.close()
  }, [])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it by the browser's own hand.
    <dialog
      ref={box}
      className={css.box}
      data-wide={wide}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onClick={(event) => event.target === box.current && onClose()}
    >
      <div className={css.inside}>
        <div className={bare ? 'sr' : css.head}>
          <h2 id={heading}>{title}</h2>
          {!bare && (
            <button type="button" onClick={onClose}>
              Close <KeyCaps keys="Esc" />
            </button>
          )}
        </div>
        {children}
      </div>
    </dialog>
  )
}

import type { ReactNode } from 'react'
import { Button } from './button.tsx'
import css from './confirm.module.css'
import { Dialog } from './dialog.tsx'

type Props = {
  title: string
  children: ReactNode
  /** What happens then, as a verb: `Stop it`. */
  action: string
  onConfirm: () => void
  onClose: () => void
}

/** Asks before something that cannot be taken back; says what will happen. */
export function Confirm({ title, children, action, onConfirm, onClose }: Props) {
  const confirm = () => {
    onClose()
    onConfirm()
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <div className={css.body}>{children}</div>
      <div className={css.ways}>
        <Button onClick={onClose}>Leave it</Button>
        <Button kind="alarm" onClick={confirm}>
          {action}
        </Button>
      </div>
    </Dialog>
  )
}

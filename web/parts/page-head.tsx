import type { ReactNode } from 'react'
import css from './page-head.module.css'
import { useTitle } from './title.ts'

type Props = { title: string; lead?: ReactNode; children?: ReactNode }

/** A page's title block: its name, what it says first, and what can be done. */
export function PageHead({ title, lead, children }: Props) {
  useTitle(title)
  return (
    <header className={css.head}>
      <div className={css.title}>
        <h1 tabIndex={-1}>{title}</h1>
        {lead && <p>{lead}</p>}
      </div>
      {children && <div className={css.actions}>{children}</div>}
    </header>
  )
}

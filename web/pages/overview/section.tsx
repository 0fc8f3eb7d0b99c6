import { type ReactNode, useId } from 'react'
import css from './page.module.css'

type Props = { title: string; aside?: ReactNode; children: ReactNode }

/** A region of the sheet: its label, something beside it, and what it holds. */
export function Section({ title, aside, children }: Props) {
  const heading = useId()
  return (
    <section className={css.section} aria-labelledby={heading}>
      <div className={css.sectionHead}>
        <h2 id={heading} className="label">
          {title}
        </h2>
        {aside}
      </div>
      {children}
    </section>
  )
}

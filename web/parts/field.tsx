import { type ReactNode, useId } from 'react'
import css from './field.module.css'

type Control = { id: string; 'aria-describedby': string | undefined; 'aria-invalid': boolean }
type Props = {
  label: string
  hint?: ReactNode
  error?: string | undefined
  children: (control: Control) => ReactNode
}

/** A labelled control with its hint, and what is wrong with it where it is. */
export function Field({ label, hint, error, children }: Props) {
  const id = useId()
  const note = `${id}-note`
  const isWrong = error !== undefined
  return (
    <div className={css.field} data-wrong={isWrong}>
      <label className="label" htmlFor={id}>
        {label}
      </label>
      {children({ id, 'aria-describedby': hint || isWrong ? note : undefined, 'aria-invalid': isWrong })}
      {(hint || isWrong) && (
        <p id={note} className={css.note}>
          {isWrong ? `${label} ${error}` : hint}
        </p>
      )}
    </div>
  )
}

type ChoiceProps<T extends string> = {
  label: string
  name: string
  options: readonly { value: T; label: string }[]
  value: T
  onChange: (value: T) => void
  hint?: ReactNode
}

/** One of a few, all in sight. */
export function Choice<T extends string>({ label, name, options, value, onChange, hint }: ChoiceProps<T>) {
  return (
    <fieldset className={css.field}>
      <legend className="label">{label}</legend>
      <div className={css.choice}>
        {options.map((option) => (
          <label key={option.value}>
            <input
              type="radio"
              name={name}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            <span>{option.label}</span>
          </label>
        ))}
      </div>
      {hint && <p className={css.note}>{hint}</p>}
    </fieldset>
  )
}

import css from './toast-list.module.css'
import { dismiss, useToasts } from './toasts.ts'

/** Both regions are always there: a screen reader hears only what appears inside one that it knows. */
export function ToastList() {
  const toasts = useToasts()
  return (
    <div className={css.corner}>
      {(['done', 'failed'] as const).map((kind) => (
        <div key={kind} role={kind === 'failed' ? 'alert' : 'status'} className={css.region}>
          {toasts
            .filter((one) => one.kind === kind)
            .map(({ id, text }) => (
              <p key={id} className={css.toast} data-kind={kind}>
                <span>{text}</span>
                <button type="button" onClick={() => dismiss(id)} aria-label="Dismiss">
                  ✕
                </button>
              </p>
            ))}
        </div>
      ))}
    </div>
  )
}

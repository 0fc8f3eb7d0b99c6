import 'react'

declare module 'react' {
  interface CSSProperties {
    /** Custom properties, which the style sheet reads. */
    [name: `--${string}`]: string | number | undefined
  }
}

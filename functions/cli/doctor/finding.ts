/** One thing that was looked at. `missing` is needed and not there; `warning` narrows what can be done. */
export type Finding = {
  name: string
  status: 'ok' | 'warning' | 'missing'
  detail: string
  remedy?: string
}

export const ok = (name: string, detail: string): Finding => ({ name, status: 'ok', detail })
export const warning = (name: string, detail: string, remedy: string): Finding => ({
  name,
  status: 'warning',
  detail,
  remedy,
})
export const missing = (name: string, detail: string, remedy: string): Finding => ({
  name,
  status: 'missing',
  detail,
  remedy,
})

/** Figures for people. What is not known says so; nothing is rounded to a lie such as 0. */
export const notKnown = 'not known'

const grouped = new Intl.NumberFormat('en')
const twoDigits = (n: number) => String(n).padStart(2, '0')

export function countOf(n: number | null | undefined) {
  return n === null || n === undefined ? notKnown : grouped.format(n)
}

/** 950, 12.4k, 3.1M. */
export function compact(n: number) {
  if (n < 1_000) return String(n)
  const [value, unit] = n < 999_500 ? [n / 1_000, 'k'] : [n / 1_000_000, 'M']
  return `${value < 99.95 ? value.toFixed(1).replace(/\.0$/, '') : Math.round(value)}${unit}`
}

/** $1.84; an amount below a cent keeps two figures. */
export function usd(amount: number) {
  if (amount === 0 || amount >= 0.01) return `$${amount.toFixed(2)}`
  return amount < 0.0001 ? '< $0.0001' : `$${amount.toPrecision(2)}`
}

/** 96 %; never 100 before all is done, nor 0 when something is. */
export function percent(ratio: number | null) {
  if (ratio === null) return notKnown
  const rounded = Math.round(ratio * 100)
  if (rounded === 100 && ratio < 1) return '99 %'
  return rounded === 0 && ratio > 0 ? '1 %' : `${rounded} %`
}

/** A length of time in at most two units: 45 s, 3 m 05 s, 2 h 10 m, 4 d 3 h. */
export function span(ms: number) {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} m ${twoDigits(seconds % 60)} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${twoDigits(minutes % 60)} m`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** How long ago, in one unit: 8 s ago. A clock that is ahead of ours says `now`. */
export function ago(iso: string, now: number) {
  const seconds = Math.floor((now - Date.parse(iso)) / 1_000)
  if (seconds < 1) return 'now'
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`
  return `${Math.floor(seconds / 86_400)} d ago`
}

/** 14:05:09, in the reader's own time. */
export function clockTime(time: string | number) {
  const date = new Date(time)
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(':')
}

/** 2026-01-31, in the reader's own time. */
export function dayOf(time: string | number) {
  const date = new Date(time)
  return [date.getFullYear(), twoDigits(date.getMonth() + 1), twoDigits(date.getDate())].join('-')
}

/** The end of a repository's address, which is what people call it: acme/billing. */
export function repositoryName(url: string) {
  const path = url.replace(/\.git\/?$/, '').replace(/\/+$/, '')
  const [name, owner] = path.split(/[/:]/).reverse()
  const isHost = owner === undefined || owner === '' || owner.includes('.') || owner.includes('@')
  return isHost || /^(file:|\/)/.test(url) ? (name ?? url) : `${owner}/${name}`
}

/** AWAITING_INPUT → awaiting input. */
export function words(constant: string) {
  return constant.toLowerCase().replaceAll('_', ' ')
}

export function sentenceCase(constant: string) {
  const text = words(constant)
  return text.charAt(0).toUpperCase() + text.slice(1)
}

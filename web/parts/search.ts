/** Reads an address's search: what is not understood is left out, as a link of an older release may hold it. */
export type Search = Record<string, unknown>

export function textOf(value: unknown, longest = 200) {
  // A search of digits alone comes as a number.
  const text = typeof value === 'number' ? String(value) : value
  return typeof text === 'string' && text !== '' ? text.slice(0, longest) : undefined
}

export function oneOf<const T extends string>(values: readonly T[], value: unknown) {
  return values.find((one) => one === value)
}

/** `RUNNING,FAILED` → those of them that there are, in the order of `values`. */
export function someOf<const T extends string>(values: readonly T[], value: unknown) {
  const given = typeof value === 'string' ? value.split(',') : []
  const some = values.filter((one) => given.includes(one))
  return some.length > 0 ? some : undefined
}

export function positive(value: unknown) {
  const number = Number(value)
  return Number.isSafeInteger(number) && number > 0 ? number : undefined
}

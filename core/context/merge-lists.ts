import { canonical, type Json } from './json.ts'

type Item = { text: string; item: Json }
type Counts = Map<string, number>

const countOf = (counts: Counts, text: string) => counts.get(text) ?? 0

function counted(items: Item[]): Counts {
  const counts: Counts = new Map()
  for (const { text } of items) counts.set(text, countOf(counts, text) + 1)
  return counts
}

const texts = (list: Json[]): Item[] => list.map((item) => ({ text: canonical(item), item }))

/**
 * Two lists that grew from one: what either side took away is gone, what either side added is there, and what
 * both added is there once (as often as the side that added it more often). The order is that of the side that
 * changed it, and the other's additions come last. Null when both sides reordered what they share differently.
 */
export function mergeLists(base: Json[], theirs: Json[], yours: Json[]): Json[] | null {
  const [b, t, y] = [texts(base), texts(theirs), texts(yours)]
  const counts = { base: counted(b), theirs: counted(t), yours: counted(y) }
  const wanted = wantedCounts(counts)
  const order = { base: common(b, counts), theirs: common(t, counts), yours: common(y, counts) }
  const keepsYours = isOrder(order.yours, order.base)
  if (!keepsYours && !isOrder(order.theirs, order.base) && !isOrder(order.theirs, order.yours)) return null
  const [first, second] = keepsYours ? [t, y] : [y, t]
  return take([...first, ...second], wanted)
}

/** How often each item is in the result: base + what each side changed, where equal additions are one. */
function wantedCounts({ base, theirs, yours }: { base: Counts; theirs: Counts; yours: Counts }): Counts {
  const wanted: Counts = new Map()
  for (const text of new Set([...base.keys(), ...theirs.keys(), ...yours.keys()])) {
    const before = countOf(base, text)
    const changes = [countOf(theirs, text) - before, countOf(yours, text) - before]
    const added = Math.max(0, ...changes)
    const removed = Math.min(0, ...changes)
    wanted.set(text, before + added + removed)
  }
  return wanted
}

/** The items that all three have, in this list's order, as often as the one that has fewest. */
function common(items: Item[], { base, theirs, yours }: { base: Counts; theirs: Counts; yours: Counts }) {
  const left: Counts = new Map()
  for (const text of base.keys())
    left.set(text, Math.min(countOf(base, text), countOf(theirs, text), countOf(yours, text)))
  return items.flatMap(({ text }) => {
    const n = countOf(left, text)
    if (n <= 0) return []
    left.set(text, n - 1)
    return [text]
  })
}

const isOrder = (a: string[], b: string[]) => a.every((text, i) => text === b[i])

/** Each item as often as it is wanted, at its first places. */
function take(items: Item[], wanted: Counts): Json[] {
  return items.flatMap(({ text, item }) => {
    const n = countOf(wanted, text)
    if (n <= 0) return []
    wanted.set(text, n - 1)
    return [item]
  })
}

/** Height of a line, in px. */
export const rowHeight = 20
/** Rows that are drawn beyond what is seen, on each side. */
const beyond = 12

export type Box = { top: number; height: number }

/** The rows to draw: `from` up to but without `to`. */
export function windowOf({ top, height }: Box, rows: number) {
  const from = Math.floor(top / rowHeight) - beyond
  const to = Math.ceil((top + height) / rowHeight) + beyond
  return { from: Math.min(Math.max(0, from), rows), to: Math.max(0, Math.min(rows, to)) }
}

/** Where the last row ends at the box's lower edge. */
export function endOf(height: number, rows: number) {
  return Math.max(0, rows * rowHeight - height)
}

/** Where a row stands in the middle of the box. */
export function middleOf(row: number, height: number, rows: number) {
  const top = row * rowHeight - Math.floor((height - rowHeight) / 2)
  return Math.max(0, Math.min(top, endOf(height, rows)))
}

/** Marks of the overview ruler, as shares of its height: rows that would lie on one another are one. */
export function rulerMarks(rows: readonly number[], total: number, most: number) {
  const marks = new Set<number>()
  for (const row of rows) marks.add(Math.floor((row / Math.max(1, total)) * most))
  return [...marks].map((mark) => mark / most)
}

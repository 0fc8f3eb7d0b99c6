import { harmless } from './harmless.ts'
import type { Terminal } from './terminal.ts'

/** The API's JSON, as it came. */
export function printJson(terminal: Terminal, raw: unknown) {
  terminal.out(`${JSON.stringify(raw, null, 2)}\n`)
}

/** Rows under headings, each column as wide as its widest cell; the last one may be of any length. */
export function table(headings: string[], rows: string[][]) {
  const all = [headings, ...rows].map((row) => row.map((cell) => harmless(cell, false).replace(/\s+/g, ' ')))
  const widths = headings.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)))
  return all
    .map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

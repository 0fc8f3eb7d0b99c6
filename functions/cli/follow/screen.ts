import { createPaint } from '../paint.ts'
import type { Terminal } from '../terminal.ts'

/** A log that scrolls, and on a terminal one line below it that is redrawn. */
export function createScreen(terminal: Terminal) {
  const paint = createPaint(terminal.colour)
  let status = ''
  const erase = () => (terminal.tty && status ? '\r\x1b[2K' : '')
  const drawn = () => (terminal.tty && status ? paint.dim(status) : '')
  return {
    print: (lines: string[]) => {
      if (lines.length > 0) terminal.out(`${erase()}${lines.map((line) => `${line}\n`).join('')}${drawn()}`)
    },
    status: (line: string) => {
      const next = cut(line, terminal.columns() - 1)
      if (!terminal.tty || next === status) return
      const before = erase()
      status = next
      terminal.out(`${before}${drawn()}`)
    },
    end: () => {
      if (status) terminal.out(erase())
      status = ''
    },
  }
}

/** As much of a text as fits; East Asian characters and emoji are two columns wide. */
function cut(text: string, columns: number) {
  let width = 0
  let kept = ''
  for (const character of text) {
    width += (character.codePointAt(0) ?? 0) >= 0x1100 ? 2 : 1
    if (width > columns - 1) return `${kept}…`
    kept += character
  }
  return kept
}

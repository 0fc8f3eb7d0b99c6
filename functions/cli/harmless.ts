const esc = '\\u001b'
/** Colours and nothing else: `ESC [ numbers m`. */
const sgr = new RegExp(`^${esc}\\[[0-9;:]*m$`)
/** Sequences as ECMA-48 has them: strings (OSC, DCS, …) up to their end or the text's, CSI, and the short ones. */
const sequences = new RegExp(
  [
    `(?:${esc}[\\]PX^_]|[\\u009d\\u0090\\u0098\\u009e\\u009f])[\\s\\S]*?(?:\\u0007|${esc}\\\\|\\u009c|$)`,
    `(?:${esc}\\[|\\u009b)[0-?]*[ -/]*[@-~]?`,
    `${esc}[ -/]*[0-~]?`,
  ].join('|'),
  'g',
)
/** Control characters but tab and newline, and those that turn the direction of writing. */
const controls = /[^\P{Cc}\t\n]|[\u202a-\u202e\u2066-\u2069\u200e\u200f]/gu

/** Conceal (8) hides text, blink (5, 6) is no colour; the 5 and 8 inside 38;5;8 are. */
function isColour(sequence: string) {
  if (!sgr.test(sequence)) return false
  const rest = sequence.slice(2, -1).replace(/[345]8[;:](5[;:]\d+|2([;:]\d*){3,4})/g, '')
  return !rest.split(/[;:]/).some((part) => ['5', '6', '8'].includes(part))
}

function visible(character: string) {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
}

/**
 * Text from a log, safe to write to a terminal: colours stay when `colour`, every other control sequence goes,
 * stray control characters become visible. A bare carriage return, which would overwrite, begins a new line.
 */
export function harmless(text: string, colour: boolean) {
  return text
    .replace(/\r+\n/g, '\n')
    .replace(/\r+/g, '\n')
    .split(sequencesKept)
    .map((piece) => (isColour(piece) ? (colour ? piece : '') : strip(piece)))
    .join('')
}

const sequencesKept = new RegExp(`(${esc}\\[[0-9;:]*m)`)

function strip(piece: string) {
  return piece.replace(sequences, '').replace(controls, visible)
}

/** One line of plain text: titles, sentences and names in tables and on the status line. */
export function plain(text: string) {
  return harmless(text, false).replace(/\s+/g, ' ').trim()
}

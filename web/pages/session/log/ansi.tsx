import Anser from 'anser'

const esc = String.fromCharCode(27)
/** Sequences other than colours: they would move a cursor that is not here. */
const others = new RegExp(`${esc}(?:\\][^\\u0007]*(?:\\u0007|$)|\\[[0-9;:?]*[ -/]*[@-ln-~]|[^\\[\\]])`, 'g')
/** Control characters but tab and ESC, and those that turn the direction of writing. */
const controls = new RegExp(`[^\\P{Cc}\\t${esc}]|[\\u202a-\\u202e\\u2066-\\u2069\\u200e\\u200f]`, 'gu')

/** What remains of a line that is only its own: colours, and no other control. */
export function tame(text: string) {
  return text.replace(others, '').replace(controls, '\ufffd')
}

/** A line's text with its colours; where `found` (in lower case) stands in it, it is marked. */
export function Ansi({ text, found }: { text: string; found: string }) {
  const tamed = tame(text)
  if (!tamed.includes(esc)) return <Marked text={tamed} found={found} />
  return Anser.ansiToJson(tamed, { use_classes: true, remove_empty: true }).map(
    ({ content, fg, decorations }, i) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other name, and never move.
      <span key={i} className={[fg, ...decorations].filter(Boolean).join(' ')}>
        <Marked text={content} found={found} />
      </span>
    ),
  )
}

/** Text as it is, with each place of `found` marked. */
function Marked({ text, found }: { text: string; found: string }) {
  if (found === '') return text
  const pieces = markedPieces(text, found)
  if (pieces.length === 1 && !pieces[0]?.isFound) return text
  return pieces.map(({ piece, isFound }, i) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: as above.
    isFound ? <mark key={i}>{piece}</mark> : piece,
  )
}

export function markedPieces(text: string, found: string) {
  const lower = text.toLowerCase()
  const pieces: { piece: string; isFound: boolean }[] = []
  let from = 0
  // A character that grows in lower case would shift what follows: then nothing is marked.
  for (
    let at = lower.length === text.length ? lower.indexOf(found) : -1;
    at >= 0;
    at = lower.indexOf(found, from)
  ) {
    if (at > from) pieces.push({ piece: text.slice(from, at), isFound: false })
    pieces.push({ piece: text.slice(at, at + found.length), isFound: true })
    from = at + found.length
  }
  if (from < text.length) pieces.push({ piece: text.slice(from), isFound: false })
  return pieces
}

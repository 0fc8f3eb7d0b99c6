/** Text that every store takes: no NUL, no half of a character (which cutting may leave). */
export function storable(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8').replaceAll('\0', '\ufffd')
}

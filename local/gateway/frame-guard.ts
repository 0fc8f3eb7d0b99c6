/**
 * Follows the frames of a client's bytes (RFC 6455, 5.2) and tells when one is larger than `limit`: a library
 * hands over whole messages, and API Gateway bounds frames too. Answers false from the first that is.
 */
export const makeFrameGuard = (limit: number): ((bytes: Buffer) => boolean) => {
  let head = Buffer.alloc(0)
  let skip = 0
  let within = true

  /** The length of the frame that the head begins, with what precedes its payload; null when bytes are missing. */
  const sizes = (): { before: number; payload: number } | null => {
    const second = head[1]
    if (second === undefined) return null
    const mask = (second & 0x80) === 0 ? 0 : 4
    const short = second & 0x7f
    if (short < 126) return { before: 2 + mask, payload: short }
    if (short === 126) return head.length < 4 ? null : { before: 4 + mask, payload: head.readUInt16BE(2) }
    return head.length < 10 ? null : { before: 10 + mask, payload: Number(head.readBigUInt64BE(2)) }
  }

  return (bytes) => {
    let rest = bytes
    while (within && rest.length > 0) {
      if (skip > 0) {
        const passed = Math.min(skip, rest.length)
        skip -= passed
        rest = rest.subarray(passed)
        continue
      }
      head = Buffer.concat([head, rest.subarray(0, 1)])
      rest = rest.subarray(1)
      const found = sizes()
      if (found === null) continue
      within = found.payload <= limit
      skip = found.before - head.length + found.payload
      head = Buffer.alloc(0)
    }
    return within
  }
}

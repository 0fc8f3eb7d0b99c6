import { createHash } from 'node:crypto'

/** Eight letters that tell one text from another; the same on every run. */
export const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8)

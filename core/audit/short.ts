/** Fields whose text is a person's own: the audit tells how long they are, not what they say. */
const unsaid: ReadonlySet<string> = new Set(['prompt', 'text', 'value', 'instruction'])

const maxFields = 20
const maxBytes = 200

/**
 * What a body asked for, in short: its small values, and of the others how many bytes they have. `size_only` where
 * all of it is text of people.
 */
export function inShort(body: unknown, size_only = false): Record<string, unknown> | null {
  if (body === undefined) return null
  if (size_only || typeof body !== 'object' || body === null || Array.isArray(body)) return sizeOf(body)
  const fields = Object.entries(body).filter(([, value]) => value !== undefined)
  if (fields.length === 0) return null
  return Object.fromEntries(fields.slice(0, maxFields).map(([name, value]) => [name, told(name, value)]))
}

function told(name: string, value: unknown) {
  const text = JSON.stringify(value)
  if (unsaid.has(name) || Buffer.byteLength(text) > maxBytes) return sizeOf(value)
  // An address may carry its password.
  const harmless: unknown = JSON.parse(text.replaceAll(/:\/\/[^/"\s@]*@/g, '://…@'))
  return harmless
}

const sizeOf = (value: unknown) => ({ bytes: Buffer.byteLength(JSON.stringify(value) ?? '') })

/** What a key may do. `admin` holds them all; no other holds another, a write is not a read. */
export const scopes = [
  'sessions:read',
  'sessions:write',
  'agents:read',
  'agents:write',
  'contexts:read',
  'contexts:write',
  'admin',
] as const

export type Scope = (typeof scopes)[number]

/** Whether a key with `held` may do what needs `needed`. */
export function holds(held: readonly Scope[], needed: Scope) {
  return held.includes('admin') || held.includes(needed)
}

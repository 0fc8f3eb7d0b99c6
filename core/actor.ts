/** Who does it. Every verb receives one; the tenant is never taken from the input. */
export type Actor =
  | { kind: 'operator'; tenant_id: string; who: Who }
  | { kind: 'agent'; tenant_id: string; agent_id: string }
  | { kind: 'system'; tenant_id: string }

/** The API key that a person or a program acts with: by it, what was done is told from what others did. */
export type Who = { key_id: string; name: string }

/** The tenant of a single-tenant installation; the first migration makes it. */
export const defaultTenant = 'ten_00000000000000000000000000'

/** The worker who calls, and what it may claim to hold. */
export type Worker = Extract<Actor, { kind: 'agent' }>

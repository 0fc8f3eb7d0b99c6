/** Who does it. Every verb receives one; the tenant is never taken from the input. */
export type Actor =
  | { kind: 'operator'; tenant_id: string }
  | { kind: 'agent'; tenant_id: string; agent_id: string }
  | { kind: 'system'; tenant_id: string }

/** The tenant of a single-tenant installation; the first migration makes it. */
export const defaultTenant = 'ten_00000000000000000000000000'

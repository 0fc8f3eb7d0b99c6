import * as z from 'zod'

/** Lowest first; the same order as the Postgres enum `priority`. */
export const priorities = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] as const
export const Priority = z.enum(priorities)
export type Priority = z.infer<typeof Priority>

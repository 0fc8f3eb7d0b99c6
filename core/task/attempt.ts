import * as z from 'zod'

/** Postgres' largest int: a number past it is no attempt of ours. */
const maxInt = 2_147_483_647

/** The number of a task's latest assignment, which whoever holds it quotes. */
export const Attempt = z.int().min(1).max(maxInt)

/** The number of a batch of events within an attempt; 0 is none yet. */
export const Batch = z.int().min(0).max(maxInt)

/** How long an agent has to hand back its work when a session pauses or stops. */
export const graceMs = 30_000

import type { Usage } from '#core/usage/usage'

/** Whether a report says anything. */
export function hasUsage(usage: Usage) {
  return Object.values(usage).some((n) => n > 0)
}

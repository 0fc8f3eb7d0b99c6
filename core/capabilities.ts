/** Upper-case words. The well-known ones; others are allowed. It imports nothing: the dashboard reads it too. */
export const wellKnownCapabilities = [
  'PLANNING',
  'CODE_GENERATION',
  'CODE_REVIEW',
  'TESTING',
  'DEBUGGING',
  'REFACTORING',
  'DOCUMENTATION',
  'SECURITY_AUDIT',
  'INTEGRATION',
] as const

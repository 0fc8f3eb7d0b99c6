import '@pulumi/pulumi/runtime/state.js'

declare module '@pulumi/pulumi/runtime/state.js' {
  /** Left out of its own types: what Pulumi knows to be under way. */
  export function getStore(): { leakCandidates: Set<unknown> }
}

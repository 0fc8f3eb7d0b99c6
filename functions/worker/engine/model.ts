/** Where the engine's model comes from. */
export type ModelConfig =
  /** A scripted model on loopback: it proves the plant, not the intelligence. */
  | { kind: 'rehearsal'; url: string }
  /** A provider of OpenCode's catalogue, with the variables that hold its key. */
  | { kind: 'provider'; provider: string; model: string; env: Record<string, string> }
  /** What `opencode auth login` left on this machine. */
  | { kind: 'sign_in'; provider: string; model: string; auth_file: string; oauth: boolean }

export const rehearsalModel = { provider: 'rehearsal', model: 'rehearsal-1' } as const

/** Provider and model id, as every prompt names them. */
export function modelOf(config: ModelConfig) {
  return config.kind === 'rehearsal' ? rehearsalModel : { provider: config.provider, model: config.model }
}

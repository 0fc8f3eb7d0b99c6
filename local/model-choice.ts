import { ConfigError, modelFromEnv } from '#functions/worker/config'

/** `auto`: a real one when there is a key or OpenCode is signed in, else the rehearsal. */
export type ModelWish = 'auto' | 'rehearsal' | 'own'
export type ModelChoice = { rehearsal: boolean; why: string }
export type StartModel = (options: { port: number }) => Promise<{ url: string; stop: () => Promise<void> }>

/**
 * Which model the agents use, and why, for the person to read. The worker's own rules say whether there is one.
 * Throws ConfigError when one was asked for and there is none, or when a setting is wrong.
 */
export const chooseModel = (wish: ModelWish, env: NodeJS.ProcessEnv): ModelChoice => {
  const script = 'a script, not intelligence'
  if (wish === 'rehearsal') return { rehearsal: true, why: `rehearsal model (asked for): ${script}` }
  try {
    const model = modelFromEnv({ ...env, REHEARSAL_MODEL_URL: '' })
    if (model.kind === 'provider') {
      const key = Object.keys(model.env).join(', ')
      return { rehearsal: false, why: `real model ${model.provider}/${model.model}, key in ${key}` }
    }
    if (model.kind === 'sign_in') {
      return { rehearsal: false, why: `real model ${model.provider}/${model.model}, OpenCode is signed in` }
    }
  } catch (error) {
    // A key whose model must be named too is the person's to correct; no key at all is what the rehearsal is for.
    if (!(error instanceof ConfigError) || wish === 'own' || env.MODEL) throw error
  }
  return { rehearsal: true, why: `rehearsal model (no provider key found): ${script}` }
}

import type { Actor } from '#core/actor'
import type { Services } from '#core/services'
import type { ContextPut } from './entry.ts'
import { readVersion } from './read.ts'
import { type Target, writeEntry } from './write.ts'

/** Stores a whole value, merged when it is behind. Based on 0, it is a new entry. @throws as writeEntry */
export async function putEntry(
  services: Services,
  actor: Actor,
  target: Target,
  { value, strategy }: ContextPut,
) {
  const { version } = await writeEntry(services, actor, target, () => value, strategy ?? null)
  return readVersion(services, actor, target, version)
}

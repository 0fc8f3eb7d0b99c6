import type { Actor } from '#core/actor'
import type { Services } from '#core/services'
import type { Json } from './json.ts'
import { applyPatch } from './merge-patch.ts'
import { readVersion } from './read.ts'
import { type Target, writeEntry } from './write.ts'

/** Applies a JSON merge patch to the version it is based on, then merges as a put. @throws as writeEntry */
export async function patchEntry(services: Services, actor: Actor, target: Target, patch: Json) {
  const { version } = await writeEntry(services, actor, target, (base) => applyPatch(base, patch))
  return readVersion(services, actor, target, version)
}

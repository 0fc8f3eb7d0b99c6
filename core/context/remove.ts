import type { Actor } from '#core/actor'
import { notFound } from '#core/error'
import type { Services } from '#core/services'
import { type Target, writeEntry } from './write.ts'

/** Deletes an entry: its last version is a tombstone, its history stays. Repeated it does nothing. @throws as writeEntry */
export async function removeEntry(services: Services, actor: Actor, target: Target) {
  await writeEntry(services, actor, target, (_, { head }) => {
    if (!head) throw notFound('context entry', target.key)
    return undefined
  })
}

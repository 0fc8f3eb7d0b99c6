import type { Actor } from '#core/actor'
import { notFound } from '#core/error'
import type { Services } from '#core/services'
import { assertReads } from './access.ts'
import { type ContextEntry, type ContextVersion, type Place, versionColumns } from './entry.ts'

type Reader = Pick<Services, 'database'>

/** The places that reading a place resolves through, the nearest first; $1 scope, $2 id, $3 its session. */
export const placesSql = /* sql */ `
  place as (
    select * from (values ($1::text, $2::text, 1), ('SESSION', $3::text, 2), ('GLOBAL', '-', 3)) p(scope, id, distance)
    where p.id is not null and (p.distance = 1 or ($4::boolean and p.scope <> $1::text))
  )`

/** One version of an entry, exactly where it is named. */
export async function readVersion(
  services: Reader,
  actor: Actor,
  { place, key }: { place: Place; key: string },
  version: number,
): Promise<ContextEntry> {
  const [row] = await services.database.query<ContextVersion>(actor.tenant_id, {
    name: 'read_context_version',
    text: /* sql */ `
      select ${versionColumns} from context_version v
      where v.scope = $1::text and v.scope_id = $2::text and v.key = $3::text and v.version = $4::int`,
    values: [place.scope, place.id, key, version],
  })
  if (!row) throw notFound('context entry any more (its session was deleted):', key)
  return entryOf(row)
}

/**
 * An entry as it is now. With `resolve`, where its scope has none, the next wider one answers:
 * TASK → SESSION → GLOBAL; the answer says where it was found. @throws not_found, forbidden
 */
export async function readEntry(
  services: Reader,
  actor: Actor,
  place: Place,
  key: string,
  resolve: boolean,
): Promise<ContextEntry> {
  const session_id = await mayRead(services, actor, place)
  const [row] = await services.database.query<ContextVersion>(actor.tenant_id, {
    name: 'read_context',
    text: /* sql */ `
      with ${placesSql}
      select ${versionColumns}
      from place p join context c on c.scope = p.scope and c.scope_id = p.id and c.key = $5::text and not c.deleted
      join context_version v on v.scope = c.scope and v.scope_id = c.scope_id and v.key = c.key and v.version = c.version
      order by p.distance limit 1`,
    values: [place.scope, place.id, session_id, resolve, key],
  })
  if (!row)
    throw notFound(`context entry in ${place.scope} ${place.id}${resolve ? ' or around it' : ''}:`, key)
  return entryOf(row)
}

/** @returns the session of the place, null for GLOBAL. @throws not_found, forbidden */
export function mayRead(services: Reader, actor: Actor, place: Place) {
  return assertReads((statement) => services.database.query(actor.tenant_id, statement), place, actor)
}

export function entryOf({ based_on: _based, conflicts: _conflicts, ...entry }: ContextVersion): ContextEntry {
  return entry
}

import { BadInput } from '../api/errors.ts'

/** Whose memory is meant: a task's, a session's, or (neither) everybody's. */
export type PlaceOptions = { session?: string; task?: string }

/** The path of a scope below the API's base. @throws BadInput when both are given */
export function placePath({ session, task }: PlaceOptions) {
  if (session !== undefined && task !== undefined) throw new BadInput('give --session or --task, not both')
  if (task !== undefined) return `/contexts/TASK/${encodeURIComponent(task)}`
  return session === undefined ? '/contexts/GLOBAL/-' : `/contexts/SESSION/${encodeURIComponent(session)}`
}

export function entryPath(place: PlaceOptions, key: string) {
  return `${placePath(place)}/${encodeURIComponent(key)}`
}

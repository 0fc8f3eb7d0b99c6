import type { Assignment } from './wire.ts'

/** Of a task of the session: what tells whether another begins from its work. */
export type Piece = [
  id: string,
  key: string,
  parent_id: string | null,
  depends_on: string[],
  is_done: boolean,
  commit: string | null,
  artifact_id: string | null,
]

/** Who asks: the ids and keys that its own row names; the last integration begins from everything. */
export type Beginner = { parent_id: string | null; depends_on: string[]; every_leaf: boolean }

/**
 * The accepted commits that a task starts from: its parent's, and those of what it depends on with all below that; of
 * everything for the integration. One that another of them was built on is in that one already: what was merged
 * there is not merged again. Pure.
 * @param pieces the tasks of the session that make commits, those that began earlier first
 */
export function inputsOf(
  pieces: Piece[],
  { parent_id, depends_on, every_leaf }: Beginner,
): Assignment['inputs'] {
  const byId = new Map(pieces.map((piece) => [piece[0], piece]))
  const above = new Map(pieces.map((piece) => [piece[0], lineOf(byId, piece)]))
  const wanted = new Set(depends_on)
  const found = pieces.filter(([id, , , , is_done, commit]) => {
    if (commit === null) return false
    if (id === parent_id) return true
    return is_done && (every_leaf || above.get(id)?.some(([, key]) => wanted.has(key)))
  })
  const needed = new Set(found.flatMap(([, , , needs]) => needs))
  const parents = new Set(found.map(([, , parent]) => parent))
  // A task that is depended on stands for all below it.
  const isBuiltOn = (id: string) => parents.has(id) || above.get(id)?.some(([, key]) => needed.has(key))
  return found.flatMap(([id, key, , , , commit, artifact_id]) =>
    commit === null || isBuiltOn(id) ? [] : [{ task_id: id, key, commit, artifact_id }],
  )
}

/** A task and those above it. */
function lineOf(byId: Map<string, Piece>, piece: Piece) {
  const line = [piece]
  // No longer than there are tasks, even where rows were damaged.
  for (let up = byId.get(piece[2] ?? ''); up && line.length <= byId.size; up = byId.get(up[2] ?? ''))
    line.push(up)
  return line
}

export type PatchLine = {
  kind: 'add' | 'remove' | 'same' | 'hunk' | 'note'
  text: string
  old: number | null
  new: number | null
}
export type PatchFile = {
  path: string
  /** Where it was before, when it was moved. */
  from: string | null
  what: 'added' | 'deleted' | 'renamed' | 'changed'
  added: number
  removed: number
  lines: PatchLine[]
}

/** Takes a unified patch of git apart, file by file. A file that several tasks changed comes once for each. */
export function readPatch(patch: string): PatchFile[] {
  const files: PatchFile[] = []
  let file: PatchFile | undefined
  let old = 0
  let now = 0
  /** How many lines of the hunk are to come, of each side: only then `---` is a removed line. */
  let left = { old: 0, now: 0 }
  for (const text of patch.split('\n')) {
    if (text.startsWith('diff --git ')) {
      file = { path: pathIn(text), from: null, what: 'changed', added: 0, removed: 0, lines: [] }
      files.push(file)
      left = { old: 0, now: 0 }
      continue
    }
    if (!file) continue
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(text)
    if (hunk) {
      old = Number(hunk[1])
      now = Number(hunk[3])
      left = { old: Number(hunk[2] ?? 1), now: Number(hunk[4] ?? 1) }
      file.lines.push({ kind: 'hunk', text, old: null, new: null })
    } else if (left.old > 0 || left.now > 0) {
      const body = text.slice(1)
      if (text.startsWith('+')) {
        file.lines.push({ kind: 'add', text: body, old: null, new: now++ })
        file.added += 1
        left.now -= 1
      } else if (text.startsWith('-')) {
        file.lines.push({ kind: 'remove', text: body, old: old++, new: null })
        file.removed += 1
        left.old -= 1
      } else if (text.startsWith('\\')) {
        file.lines.push({ kind: 'note', text: body.trim(), old: null, new: null })
      } else {
        file.lines.push({ kind: 'same', text: body, old: old++, new: now++ })
        left = { old: left.old - 1, now: left.now - 1 }
      }
    } else readHead(file, text)
  }
  return files
}

function readHead(file: PatchFile, text: string) {
  if (text.startsWith('new file')) file.what = 'added'
  else if (text.startsWith('deleted file')) file.what = 'deleted'
  else if (text.startsWith('rename from ')) {
    file.what = 'renamed'
    file.from = text.slice('rename from '.length)
  } else if (text.startsWith('rename to ')) file.path = text.slice('rename to '.length)
  else if (text.startsWith('+++ b/')) file.path = text.slice('+++ b/'.length).replace(/\t$/, '')
  else if (/^(Binary files|GIT binary patch)/.test(text))
    file.lines.push({ kind: 'note', text: 'A binary file.', old: null, new: null })
  else if (text.startsWith('\\'))
    file.lines.push({ kind: 'note', text: text.slice(1).trim(), old: null, new: null })
}

function pathIn(head: string) {
  return / b\/(.*)$/.exec(head)?.[1] ?? head.slice('diff --git '.length)
}

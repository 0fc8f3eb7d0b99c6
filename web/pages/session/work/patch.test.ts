import { expect, it } from 'vitest'
import { readPatch } from './patch.ts'

const patch = `diff --git a/one.js b/one.js
index 111..222 100644
--- a/one.js
+++ b/one.js
@@ -1,3 +1,3 @@ function one() {
 same
--- a removed comment
+++ an added one
 end
\\ No newline at end of file
diff --git a/old name.txt b/new name.txt
similarity index 100%
rename from old name.txt
rename to new name.txt
diff --git a/made.txt b/made.txt
new file mode 100644
--- /dev/null
+++ b/made.txt
@@ -0,0 +1 @@
+hello
diff --git a/logo.png b/logo.png
index 333..444 100644
Binary files a/logo.png and b/logo.png differ
`

it('takes a patch apart by file, with the numbers of lines', () => {
  const files = readPatch(patch)
  expect(files.map(({ path, what, added, removed }) => [path, what, added, removed])).toEqual([
    ['one.js', 'changed', 1, 1],
    ['new name.txt', 'renamed', 0, 0],
    ['made.txt', 'added', 1, 0],
    ['logo.png', 'changed', 0, 0],
  ])
  expect(files[0]?.lines.map(({ kind, old, new: now }) => [kind, old, now])).toEqual([
    ['hunk', null, null],
    ['same', 1, 1],
    ['remove', 2, null],
    ['add', null, 2],
    ['same', 3, 3],
    ['note', null, null],
  ])
})

it('a removed line that looks like a head is a removed line', () => {
  expect(readPatch(patch)[0]?.lines[2]).toMatchObject({ kind: 'remove', text: '-- a removed comment' })
})

it('an empty patch has no file', () => {
  expect(readPatch('')).toEqual([])
})

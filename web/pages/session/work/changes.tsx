import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import type { Session } from '../../../api/types.ts'
import { Button } from '../../../parts/button.tsx'
import { countOf } from '../../../parts/format.ts'
import { Empty, Failed, Reading } from '../../../parts/notice.tsx'
import { reads } from '../queries.ts'
import css from './changes.module.css'
import { type PatchFile, type PatchLine, readPatch } from './patch.ts'

/** Lines of a file that are drawn at first, and files that stand open at first. */
const linesAtFirst = 400
const openAtFirst = 5

/** What the session has changed so far, file by file; it grows with each task that ends. */
export default function Changes({ session }: { session: Session }) {
  const diff = useQuery(reads.diff(session.id))
  const files = useMemo(() => readPatch(diff.data?.patch ?? ''), [diff.data])
  if (diff.isPending) return <Reading what="the changes" />
  if (diff.isError && !diff.data)
    return <Failed what="The changes" error={diff.error} retry={() => diff.refetch()} />
  if (files.length === 0)
    return (
      <Empty title="No changes yet">
        <p>
          {session.repository
            ? 'They show here as soon as a task that changed files ends.'
            : 'It works on no repository.'}
        </p>
      </Empty>
    )
  const sum = (of: 'added' | 'removed') => files.reduce((total, file) => total + file[of], 0)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by the keyboard.
    <section className={css.all} tabIndex={0} aria-label="Changes by file">
      <p className={css.sum}>
        <b>
          {countOf(files.length)} {files.length === 1 ? 'file' : 'files'}
        </b>
        <span className={css.add}>+{countOf(sum('added'))}</span>
        <span className={css.remove}>−{countOf(sum('removed'))}</span>
        <span>
          {session.result ? 'the whole session, as it was joined' : 'of the tasks that have ended so far'}
        </span>
        {diff.data?.truncated && <span>More than can be shown: the session’s patch holds the rest.</span>}
      </p>
      {files.map((file, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: one file comes once for each task that changed it.
        <File key={`${file.path} ${i}`} file={file} isOpen={i < openAtFirst} />
      ))}
    </section>
  )
}

function File({ file, isOpen }: { file: PatchFile; isOpen: boolean }) {
  const [isShown, setShown] = useState(isOpen)
  const [isAll, setAll] = useState(false)
  const { path, from, what, added, removed, lines } = file
  const shown = isAll ? lines : lines.slice(0, linesAtFirst)
  return (
    <details className={css.file} open={isShown} onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary>
        <span aria-hidden="true">{isShown ? '▾' : '▸'}</span>
        <span className={css.path}>{path}</span>
        {what !== 'changed' && <span className={css.what}>{from === null ? what : `was ${from}`}</span>}
        <span className={css.counts}>
          <span className={css.add}>+{countOf(added)}</span>{' '}
          <span className={css.remove}>−{countOf(removed)}</span>
        </span>
      </summary>
      {isShown && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by the keyboard.
        <section className={css.code} tabIndex={0} aria-label={path}>
          {shown.map((line, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name, and never move.
            <CodeLine key={i} line={line} />
          ))}
        </section>
      )}
      {isShown && lines.length > shown.length && (
        <p className={css.more}>
          <Button onClick={() => setAll(true)}>Show {countOf(lines.length - shown.length)} more lines</Button>
        </p>
      )}
    </details>
  )
}

const signs: Record<PatchLine['kind'], string> = { add: '+', remove: '−', same: ' ', hunk: ' ', note: ' ' }

function CodeLine({ line: { kind, text, old, new: now } }: { line: PatchLine }) {
  return (
    <div data-kind={kind}>
      <span>{old}</span>
      <span>{now}</span>
      <i>{signs[kind]}</i>
      <code>{text}</code>
    </div>
  )
}

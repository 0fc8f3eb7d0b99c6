import { quoted } from '../kit.ts'
import type { ToolCall } from '../step.ts'
import { resultsOf, type Scene, type Script } from './script.ts'

/** Conflicts: each file is read, then written without its markers and with both sides. */
export function mergeScript({ talk, kit }: Scene, files: readonly string[]): Script {
  const list = files.map(quoted).join(' ')
  const read = resultsOf(talk, 0)
  return [
    {
      reasoning: 'Two tasks changed the same lines. I read every file that is conflicted.',
      text: `I read ${files.length} conflicted file(s).`,
      tools: files.flatMap((file) => kit.read(file)),
    },
    {
      reasoning: 'A rehearsal judges neither side: both stay, one after the other.',
      text: 'I keep both sides and take the markers away.',
      tools: files.flatMap((file, i) => resolve(file, read[i] ?? '', kit)),
    },
    {
      text: 'I look for markers that are left.',
      tools: kit.run(`! grep -nE '^(<{7}|>{7})( |$)' -- ${list}; git status --short`, 'Look for markers'),
    },
    { text: `Done, as a rehearsal: ${files.join(', ')} hold both sides and no conflict marker.` },
  ]
}

/** What withoutMarkers does, for awk. */
const bothSides = [
  '/^<<<<<<<( |$)/ { s = 1; next }',
  's && /^>>>>>>>( |$)/ { s = 0; next }',
  's == 1 && /^[|][|][|][|][|][|][|]( |$)/ { s = 2; next }',
  's && s < 3 && /^=======$/ { s = 3; next }',
  's != 2',
].join('; ')

function resolve(file: string, read: string, kit: Scene['kit']): ToolCall[] {
  if (/^File not found/.test(read)) return []
  const content = contentIn(read)
  if (content !== undefined) return kit.write(file, withoutMarkers(content))
  // Too long to be shown whole: writing what was shown would lose the rest.
  const name = quoted(file)
  const command = `t=$(mktemp) && awk ${quoted(bothSides)} ${name} > "$t" && cat "$t" > ${name}; rm -f "$t"`
  return kit.run(command, `Remove the markers of ${file}`)
}

/** The file as OpenCode's read tool shows it: numbered lines in a frame. Undefined when it is not all there. */
export function contentIn(read: string): string | undefined {
  const framed = /<content>\n([\s\S]*?)\n\n\(End of file - total (\d+) lines\)\n<\/content>/.exec(read)
  if (!framed) return undefined
  const lines = (framed[1] ?? '').split('\n')
  const bare = lines.map((line) => /^\d+: ?(.*)$/s.exec(line)?.[1])
  const whole = bare.every((line) => line !== undefined && !/\(line truncated/.test(line))
  return whole && bare.length === Number(framed[2]) ? `${bare.join('\n')}\n` : undefined
}

/** Both sides of every conflict, ours first, without markers; the common ancestor (diff3) is left out. */
export function withoutMarkers(content: string): string {
  let side: 'none' | 'ours' | 'base' | 'theirs' = 'none'
  const kept = content.split('\n').filter((line) => {
    if (/^<{7}( |$)/.test(line)) side = 'ours'
    else if (side !== 'none' && /^>{7}( |$)/.test(line)) side = 'none'
    else if (side === 'ours' && /^\|{7}( |$)/.test(line)) side = 'base'
    else if ((side === 'ours' || side === 'base') && /^={7}$/.test(line)) side = 'theirs'
    else return side !== 'base'
    return false
  })
  return kept.join('\n')
}

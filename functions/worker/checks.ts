import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import type * as z from 'zod'
import type { CheckResult as Shape } from '#core/task/wire'
import { powerless, probeIsolation, startIsolated } from './process/isolate.ts'
import { storable } from './text.ts'

export type CheckResult = z.infer<typeof Shape>
export type OnOutput = (stream: 'stdout' | 'stderr', text: string) => Promise<void>

const tailLength = 8_000

/**
 * Whether conflict markers are left in files: a command, so that people can repeat it and its words name the lines.
 * The second grep, since the first one's exit tells nothing once a file is gone.
 */
export function noMarkers(files: string[]) {
  const names = files
    .slice(0, 500)
    .map((file) => `'${file.replaceAll("'", "'\\''")}'`)
    .join(' ')
  return { command: `! grep -aHnsE '^(<{7}|>{7}) ' -- ${names} | grep ''`, timeout_seconds: 60 }
}

/**
 * Runs one check with bash in a folder. Its output goes to `onOutput` as it comes (which may slow it down).
 * `exit_code` is null when it was ended at its deadline or by the signal.
 */
export async function runCheck(
  check: { command: string; timeout_seconds: number },
  options: {
    cwd: string
    env: Record<string, string>
    hidden?: string[]
    signal: AbortSignal
    onOutput: OnOutput
  },
): Promise<CheckResult> {
  const { cwd, env, hidden = [], signal, onOutput } = options
  const confined = (await probeIsolation()) === 'guard' ? [] : powerless
  const started = performance.now()
  const { child, exited, end } = await startIsolated([...confined, 'bash', '-c', check.command], {
    cwd,
    env,
    hidden,
  })
  let late = false
  const timer = setTimeout(() => {
    late = true
    void end()
  }, check.timeout_seconds * 1_000)
  const stop = () => void end()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  let tail = ''
  const keep = async (stream: 'stdout' | 'stderr', text: string) => {
    tail = (tail + text).slice(-tailLength)
    await onOutput(stream, text)
  }
  try {
    const [{ code }] = await Promise.all([
      exited,
      follow(child.stdout, (text) => keep('stdout', text)),
      follow(child.stderr, (text) => keep('stderr', text)),
    ])
    if (late) tail = `${tail}\nended after ${check.timeout_seconds} s, its time limit`.slice(-tailLength)
    const seconds = (performance.now() - started) / 1_000
    return {
      command: check.command,
      exit_code: late || signal.aborted ? null : code,
      seconds,
      output_tail: storable(tail),
    }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
    await end()
  }
}

async function follow(stream: Readable | null, take: (text: string) => Promise<void>) {
  if (!stream) return
  const decoder = new StringDecoder('utf8')
  for await (const chunk of stream) {
    const text = decoder.write(chunk)
    if (text !== '') await take(text)
  }
  const rest = decoder.end()
  if (rest !== '') await take(rest)
}

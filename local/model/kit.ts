import type { ToolCall } from './step.ts'

export type Kit = {
  has: (name: string) => boolean
  /** A look at the top of the repository, with whatever tool there is. */
  look: () => ToolCall[]
  read: (file: string) => ToolCall[]
  write: (file: string, content: string) => ToolCall[]
  run: (command: string, description: string) => ToolCall[]
  /** The tool that a plan is handed in with, when the request offers one. */
  planTool: string | undefined
}

/** The calls that can be made with these tools; none where there is no tool for it. Names of OpenCode 1.18. */
export function makeKit(names: readonly string[]): Kit {
  const has = (name: string) => names.includes(name)
  const run = (command: string, description: string): ToolCall[] =>
    has('bash') ? [{ name: 'bash', args: { command, description } }] : []
  const look = (): ToolCall[] => {
    if (has('glob')) return [{ name: 'glob', args: { pattern: '*' } }]
    if (has('list')) return [{ name: 'list', args: {} }]
    if (has('read')) return [{ name: 'read', args: { filePath: '.' } }]
    return run('git ls-files | head -n 50', 'List the files')
  }
  const read = (file: string): ToolCall[] => {
    if (has('read')) return [{ name: 'read', args: { filePath: file } }]
    return run(`cat -- ${quoted(file)}`, `Read ${file}`)
  }
  const write = (file: string, content: string): ToolCall[] => {
    if (has('write')) return [{ name: 'write', args: { filePath: file, content } }]
    const folder = `mkdir -p -- "$(dirname -- ${quoted(file)})"`
    return run(`${folder} && printf %s ${quoted(content)} > ${quoted(file)}`, `Write ${file}`)
  }
  return { has, look, read, write, run, planTool: names.find((name) => name.endsWith('plan_submit')) }
}

/** A word for the shell, whatever is in it. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

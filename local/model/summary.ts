const frame =
  /<rehearsal-request position="(\d{1,6})" heard="([0-9a-f ]*)">\n([\s\S]*)\n<\/rehearsal-request>/

export type Summary = { position: number; heard: string[]; request: string }

/** The summary that the model itself reads after OpenCode compacted the conversation. */
export const writeSummary = ({ position, heard, request }: Summary, title: string): string =>
  [
    `## Objective\n- Rehearse: ${title}`,
    `## Work State\n- Step ${position} of the script is next.`,
    '## Important Details\n- Written by the rehearsal model: a script, not a model. The request, word for word:',
    `<rehearsal-request position="${position}" heard="${heard.join(' ')}">\n${request}\n</rehearsal-request>`,
  ].join('\n\n')

/** Reads it back, from a message or from the middle of a conversation told as text. */
export function readSummary(text: string): Summary | undefined {
  const [, position, heard, request] = frame.exec(text) ?? []
  if (position === undefined || heard === undefined || request === undefined) return undefined
  return { position: Number(position), heard: heard.split(' ').filter((hash) => hash !== ''), request }
}

/** The first prompt in a conversation told as text, which is how OpenCode asks for a summary. */
export function firstPromptIn(told: string): string {
  const from = told.indexOf('[User]: ')
  if (from < 0) return told.slice(0, 100_000)
  const rest = told.slice(from + '[User]: '.length)
  const to = /\n\n\[(?:Assistant|User|Tool)|\n<\/conversation>/.exec(rest)?.index ?? rest.length
  return rest.slice(0, to)
}

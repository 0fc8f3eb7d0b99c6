/** The engine asks: may this be done, or which of these is meant? */
export type Request =
  | { kind: 'PERMISSION'; id: string; permission: string; patterns: string[] }
  | { kind: 'QUESTION'; id: string; questions: { question: string; options: string[] }[] }

export type Decision =
  | { kind: 'PERMISSION'; reply: 'once' | 'reject'; note: string }
  | { kind: 'QUESTION'; answers: string[][]; note: string }

/**
 * Decides what the engine asks. The policy is "auto": permissions are given once (never for always, which
 * would outlive the request), and a question gets its first option. Every decision is logged.
 */
export async function decide(request: Request): Promise<Decision> {
  if (request.kind === 'PERMISSION') {
    const what = [request.permission, ...request.patterns].join(' ')
    return { kind: 'PERMISSION', reply: 'once', note: `Allowed once: ${what}` }
  }
  const answers = request.questions.map(({ options }) => options.slice(0, 1))
  const said = request.questions.map(({ question }, i) => `${question} → ${answers[i]?.[0] ?? 'no answer'}`)
  return { kind: 'QUESTION', answers, note: `Answered for you: ${said.join('; ')}` }
}

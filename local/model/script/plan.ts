import type { Brief } from '../prompt.ts'
import { fileOf } from './coding.ts'

/** A plan of four tasks for any goal: a survey, two in parallel that touch different files, and a proof. */
export function defaultPlan({ goal, limit = 4 }: Brief) {
  const about = `"${goal.title}"`
  const changelog = /change ?log/i.test(goal.title) ? ', and add the entry to CHANGELOG.md' : ''
  const tasks = [
    task('survey', `Survey the repository for ${about}`, 'DOCUMENTATION', [], {
      ask: `Look at the repository and write down what is there that matters for ${about}.`,
      checks: [`test -s ${fileOf('survey')}`],
    }),
    task('change', `Carry out ${about}`, 'CODE_GENERATION', ['survey'], {
      ask: `Carry out ${about} with what the survey found${changelog}.`,
      checks: [`test -s ${fileOf('change')}`],
    }),
    task('notes', `Notes on ${about}`, 'DOCUMENTATION', ['survey'], {
      ask: `Write the notes that a reader of ${about} needs. Touch no file of the change.`,
      checks: [`test -s ${fileOf('notes')}`],
    }),
    task('verify', `Verify ${about}`, 'TESTING', ['change', 'notes'], {
      ask: `Prove that the change and the notes are there together.`,
      checks: ['git log --oneline -1', `test -s ${fileOf('change')} && test -s ${fileOf('notes')}`],
    }),
  ].slice(0, Math.max(1, limit))
  return { summary: `A rehearsal of ${about} in ${tasks.length} task(s).`, tasks }
}

type What = { ask: string; checks: string[] }

function task(key: string, title: string, capability: string, depends_on: string[], { ask, checks }: What) {
  return {
    key,
    title: title.length > 200 ? `${title.slice(0, 198)}…"` : title,
    instruction: `${ask} Write the result to ${fileOf(key)}.`,
    capability,
    depends_on,
    checks: checks.map((command) => ({ command, timeout_seconds: 60 })),
  }
}

import { type Kit, quoted } from '../kit.ts'
import type { Brief } from '../prompt.ts'
import type { Knobs, Step, ToolCall } from '../step.ts'
import { resultsOf, type Scene, type Script } from './script.ts'

export const label =
  'Written by the rehearsal model: a script, not a model. It proves the plant, not the work.'

/** A task: look, read, write a file, prove it with a command, say what was done. */
export function codingScript(scene: Scene): Script {
  const { talk, kit, knobs } = scene
  const { brief } = talk
  if (!canWrite(kit)) return [{ text: closing(scene) }]
  const file = fileOf(brief.key)
  const steps: Script = [
    {
      reasoning: `The task is "${brief.title}". I look at the repository before I touch anything.`,
      text: 'I look at what is here.',
      tools: [...kit.look(), ...kit.run('git log --oneline -3 2>/dev/null || true', 'Show recent commits')],
    },
  ]
  const reads = readings(resultsOf(talk, 0)[0] ?? '', brief)
  const readAt = steps.push({
    reasoning: 'The names alone do not say enough; I read before I write.',
    text: `I read ${reads.join(' and ')}.`,
    tools: reads.flatMap((path) => kit.read(path)),
  })
  if (knobs.ask) steps.push(question(knobs.ask))
  steps.push({
    reasoning: `I know enough. The result of this task is ${file}.`,
    text: `I write ${file}.`,
    tools: kit.write(file, pageOf(brief)),
  })
  if (isChangelog(brief)) steps.push(changelog(scene, resultsOf(talk, readAt - 1).at(-1) ?? ''))
  if (knobs.flood !== undefined) steps.push(flood(scene, knobs.flood))
  if (brief.failed) steps.push(repair(scene, 'The last attempt failed a check.'))
  steps.push({
    reasoning: 'A file that nobody looked at again is a guess, so I prove it.',
    text: 'I check what I did.',
    tools: kit.run(`git status --short && wc -l ${quoted(file)}`, 'Prove that the file is there'),
  })
  steps.push({ text: closing(scene) })
  return steps
}

/** Files of a task stand under its key, so that tasks in parallel never touch the same one. */
export const fileOf = (key: string): string => `rehearsal/${key.replace(/[^A-Za-z0-9._-]+/g, '-')}.md`

function pageOf({ key, title, goal, own }: Brief): string {
  const instruction = own.rest.replace(/^(?:# Task: .*|(?:task )?key:.*|title:.*)$/gim, '').trim()
  const quote = instruction.slice(0, 2_000).split('\n').join('\n> ')
  const body = quote === '' ? '' : `\nWhat was asked:\n\n> ${quote}\n`
  return `# ${title}\n\n${label}\n\n- task: ${key}\n- goal: ${goal.title}\n${body}`
}

const isChangelog = ({ key, goal }: Brief) => /change/i.test(key) && /change ?log/i.test(goal.title)

function readings(listing: string, brief: Brief): string[] {
  const files = listing.split('\n').filter((line) => /[^/\s]$/.test(line) && !/^No files/.test(line))
  const found = files.find((line) => /(^|\/)readme(\.\w+)?$/i.test(line)) ?? '.'
  return isChangelog(brief) ? [found, 'CHANGELOG.md'] : [found]
}

function changelog({ talk, kit }: Scene, present: string): Step {
  const line = `- ${talk.brief.goal.title}`
  const section = `## Unreleased\n\n${line}\n`
  const text = 'I add the entry to CHANGELOG.md.'
  if (/not found|no such file/i.test(present)) {
    return { text, tools: kit.write('CHANGELOG.md', `# Changelog\n\n${section}`) }
  }
  const guard = `grep -qxF -- ${quoted(line)} CHANGELOG.md 2>/dev/null`
  const append = `${guard} || printf '\\n%s' ${quoted(section)} >> CHANGELOG.md`
  return { text, tools: kit.run(append, 'Add a section to the changelog') }
}

function question({ question: asked, header, options, multiple }: NonNullable<Knobs['ask']>): Step {
  const choices = options.map((option) =>
    typeof option === 'string' ? { label: option, description: option } : option,
  )
  const one = { question: asked, header, options: choices, ...(multiple === undefined ? {} : { multiple }) }
  const tool: ToolCall = { name: 'question', args: { questions: [one] } }
  return { reasoning: 'This is not mine to decide.', text: 'I ask before I go on.', tools: [tool] }
}

function flood({ kit }: Scene, lines: number): Step {
  const text = Array.from({ length: Math.min(lines, 5_000) }, (_, i) => `Line ${i + 1} of a long text.`)
  const command = `seq -f 'flood line %.0f' 1 ${lines}`
  return { text: text.join('\n'), tools: kit.run(command, 'Print many lines') }
}

/** One more write for a check that failed; `said` is what is known about it. */
export function repair({ talk, kit }: Scene, said: string): Step {
  const file = fileOf(`${talk.brief.key}-repair`)
  const quote = said.trim().slice(0, 2_000).split('\n').join('\n> ')
  return {
    reasoning: 'A check failed, so the work is not done.',
    text: `I repair what the check found and note it in ${file}.`,
    tools: kit.write(file, `# Repair of ${talk.brief.key}\n\n${label}\n\n> ${quote}\n`),
  }
}

export const canWrite = (kit: Kit) => kit.has('write') || kit.has('bash')

function closing({ talk, kit, knobs }: Scene): string {
  const { brief } = talk
  const done = canWrite(kit)
  const what = done ? `I wrote ${fileOf(brief.key)}` : 'I had no tool to write with'
  const log = done && isChangelog(brief) ? ' and the entry in CHANGELOG.md' : ''
  const answers = talk.turns.flatMap(({ calls }) => calls).filter(({ name }) => name === 'question')
  const asked = knobs.ask && answers[0]?.result ? ` ${answers[0].result}` : ''
  return `Done, as a rehearsal: ${what}${log} for "${brief.title}".${asked}`
}

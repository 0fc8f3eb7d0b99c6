import { type Conversation, readConversation } from './conversation.ts'
import { makeKit } from './kit.ts'
import { knobsFor } from './marker.ts'
import { architectScript } from './script/architect.ts'
import { canWrite, codingScript, label, repair } from './script/coding.ts'
import { mergeScript } from './script/merge.ts'
import { positionIn, type Scene, type Script, stepAt } from './script/script.ts'
import type { Knobs, Step } from './step.ts'
import { firstPromptIn, readSummary, writeSummary } from './summary.ts'
import { type ChatRequest, textOf, toolNames } from './wire.ts'

export type Kind = 'title' | 'summary' | 'marker' | 'plan' | 'task' | 'merge' | 'repair'

export type Decision = {
  kind: Kind
  key: string
  /** The step of the script, counted from 0; null where there is no script. */
  at: number | null
  step: Step
  /** Tool call ids are this and a number. They tell us later what was done already. */
  calls: string
  knobs: Knobs
  /** The first prompt: what makes this task the same one in another conversation. */
  request: string
}

/** What the model answers to a request. Pure: the same messages get the same answer. */
export function decide(chat: ChatRequest): Decision {
  const systems = chat.messages.filter(({ role }) => role === 'system' || role === 'developer')
  const system = systems.map(textOf).join('\n')
  const names = toolNames(chat)
  if (/title generator/i.test(system)) return aside('title', { text: titleFor(chat) })
  if (names.length === 0 && /summar/i.test(system)) return aside('summary', { text: summaryFor(chat) })
  const talk = readConversation(chat.messages)
  const kit = makeKit(names)
  const { brief, active } = talk
  const errors = [...brief.goal.markers.errors, ...brief.own.errors]
  const planner = kit.planTool
  const key = planner === undefined ? brief.key : planKey
  if (errors.length > 0) {
    const text = `The rehearsal marker could not be understood: ${errors.join('; ')}`
    return { ...aside('marker', { text }), key, request: talk.request }
  }
  const kind: Kind = planner !== undefined ? 'plan' : kinds[active.kind]
  const sources = { goal: brief.goal.markers.markers, own: brief.own.markers, key, work: kind === 'task' }
  const knobs = knobsFor(sources)
  const scene: Scene = { talk, kit, knobs }
  const script = scriptFor(scene, planner)
  const base = { kind, key, knobs, request: talk.request }
  const writes = planner === undefined && canWrite(kit)
  const said = writes ? steered(talk, scene) : undefined
  if (said) return { ...base, at: null, ...said }
  const { step: at, repeat } = positionIn(script, talk)
  const step = stepAt(script, at)
  const calls = `${talk.prefix}_s${at}${repeat === 0 ? '' : `r${repeat}`}_`
  return { ...base, at, step: writes ? step : acknowledged(step, talk), calls }
}

/** The Architect's task has this key, which its prompt does not say. */
const planKey = 'plan'

const kinds = { brief: 'task', conflict: 'merge', repair: 'repair', reminder: 'task' } as const

function scriptFor(scene: Scene, planner: string | undefined): Script {
  const { active } = scene.talk
  const { steps, refuse } = scene.knobs
  if (refuse === true) return [{ text: 'I cannot do that.' }]
  if (active.kind === 'conflict') return mergeScript(scene, active.files)
  if (active.kind === 'repair') return repairScript(scene, active.text)
  if (steps !== undefined) return steps
  return planner === undefined ? codingScript(scene) : architectScript(scene, planner)
}

const repairScript = (scene: Scene, said: string): Script => [
  repair(scene, said),
  { text: `Done, as a rehearsal: the repair of ${scene.talk.brief.key} is written down.` },
]

/** Somebody spoke: the next answer is theirs. */
function steered({ steering, heard, prefix }: Conversation, { kit }: Scene) {
  const left = [...heard]
  const next = steering.findIndex(({ hash }) => {
    const at = left.indexOf(hash)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
  const said = steering[next]
  if (!said) return undefined
  const all = steering.slice(0, next + 1).map(({ text }) => `> ${text.split('\n').join('\n> ')}\n`)
  const page = `# What was said while it ran\n\n${label}\n\n${all.join('\n')}`
  const tools = kit.write('rehearsal/steering.md', page)
  return {
    step: { text: `Understood: ${said.text.slice(0, 500)}`, tools },
    calls: `${prefix}_m${said.hash}_`,
  }
}

/** Who writes no file, as the Architect, says with the next step what was heard since the last answer. */
function acknowledged(step: Step, { steering, turns }: Conversation): Step {
  const fresh = steering.filter(({ afterTurn }) => afterTurn === turns.length)
  if (fresh.length === 0) return step
  const heard = fresh.map(({ text }) => `Understood: ${text.slice(0, 500)}`)
  return { ...step, text: [...heard, step.text ?? ''].join('\n') }
}

const aside = (kind: Kind, step: Step): Decision => ({
  kind,
  key: '',
  at: null,
  step,
  calls: 'call_',
  knobs: {},
  request: '',
})

function titleFor({ messages }: ChatRequest): string {
  const asked = messages.filter(({ role }) => role === 'user')
  const { brief } = readConversation(asked.slice(-1))
  return `Rehearsal: ${brief.title}`.slice(0, 50)
}

/** OpenCode tells the conversation as text; older ways of asking send the messages as they are. */
function summaryFor({ messages }: ChatRequest): string {
  const told = messages
    .filter(({ role }) => role === 'user')
    .map(textOf)
    .join('\n')
  const before = readSummary(told)
  const request = before?.request ?? firstPromptIn(told)
  const talk = readConversation([{ role: 'user', content: request }])
  const { markers, errors } = talk.brief.goal.markers
  const knobs =
    errors.length > 0
      ? {}
      : knobsFor({ goal: markers, own: talk.brief.own.markers, key: talk.brief.key, work: true })
  const usual = ['bash', 'edit', 'glob', 'grep', 'question', 'read', 'write']
  const script = scriptFor({ talk, kit: makeKit(usual), knobs }, undefined)
  const reached = script.findLastIndex(({ text }) => text && told.includes(`[Assistant]: ${text}`))
  const position = Math.max(reached + 1, before?.position ?? 0)
  return writeSummary({ position, heard: before?.heard ?? [], request }, talk.brief.title)
}

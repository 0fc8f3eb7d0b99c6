import * as z from 'zod'
import type { AskedOf } from './ask.ts'

const text = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((value) => !value.includes('\0'), 'must not contain the NUL character')

export const ruleActions = ['allow', 'deny', 'ask'] as const
export type RuleAction = (typeof ruleActions)[number]

export const ApprovalRule = z.strictObject({
  /** The engine's tool: `bash`, `edit`, `webfetch` …, `question` for questions; `*` is any. */
  tool: text(200).describe('bash, edit, webfetch, question …; * stands for any characters'),
  /** A glob over what is asked: the command, the path, the address, the question. */
  pattern: text(1_000).default('*'),
  action: z.enum(ruleActions),
})

/** What happens to an ask that nobody answers in time. */
export const ApprovalDefault = z.union([z.enum(['allow', 'deny']), z.strictObject({ reply: text(4_000) })])
export type ApprovalDefault = z.infer<typeof ApprovalDefault>

/** What the engine may do by itself. The first rule that matches decides; without one the mode does. */
export const ApprovalPolicy = z.strictObject({
  mode: z.enum(['auto', 'ask']).default('auto'),
  rules: z.array(ApprovalRule).max(100).default([]),
  timeout_seconds: z.int().min(1).max(604_800).default(3_600),
  default: ApprovalDefault.default('deny'),
})
export type ApprovalPolicy = z.infer<typeof ApprovalPolicy>

/** What a person has allowed for good, in this session only. A literal one is no glob. */
export type Grant = { tool: string; pattern: string; literal: boolean }
export type SessionPolicy = ApprovalPolicy & { grants: Grant[] }

export const automatic: SessionPolicy = { ...ApprovalPolicy.parse({}), grants: [] }

/** Grants that a session keeps; later ones take the place of the oldest. */
const maxGrants = 200

/**
 * Whether what is asked is allowed, denied, or a person's to say. Pure. An ask has several subjects (the
 * commands of one line): one that is denied denies it, one that must be asked asks. Grants answer what a
 * person would be asked, and never what a rule denies.
 */
export function decideAsk(policy: SessionPolicy, ask: AskedOf): RuleAction {
  const { tool, subjects } = subjectsOf(ask)
  const actions = subjects.map((subject) => actionFor(policy, tool, subject))
  if (actions.includes('deny')) return 'deny'
  return actions.includes('ask') ? 'ask' : 'allow'
}

function subjectsOf(ask: AskedOf) {
  if (ask.kind === 'QUESTION')
    return { tool: 'question', subjects: ask.asked.questions.map(({ question }) => question) }
  const { tool, patterns } = ask.asked
  return { tool, subjects: patterns.length > 0 ? patterns : [''] }
}

function actionFor({ mode, rules, grants }: SessionPolicy, tool: string, subject: string): RuleAction {
  const rule = rules.find((one) => matches(one.tool, tool) && matches(one.pattern, subject))
  const action = rule?.action ?? (mode === 'ask' ? 'ask' : 'allow')
  if (action !== 'ask') return action
  const granted = grants.some(
    ({ tool: name, pattern, literal }) =>
      name === tool && (literal ? pattern === subject : matches(pattern, subject)),
  )
  return granted ? 'allow' : 'ask'
}

/** The policy once a person has allowed an ask for good: as wide as the engine itself proposes, else to the letter. */
export function withGrant(policy: SessionPolicy, ask: AskedOf): SessionPolicy {
  if (ask.kind === 'QUESTION') return policy
  const { tool, patterns, always } = ask.asked
  const literal = always.length === 0
  const more = (literal ? patterns : always).map((pattern) => ({ tool, pattern, literal }))
  const isNew = (grant: Grant) =>
    !policy.grants.some((one) => one.tool === grant.tool && one.pattern === grant.pattern)
  return { ...policy, grants: [...policy.grants, ...more.filter(isNew)].slice(-maxGrants) }
}

/** Tools that change something, or reach out: what mode `ask` asks about. Reading is free. */
const guarded = ['bash', 'edit', 'webfetch', 'websearch', 'external_directory', 'doom_loop']

/** The tools that the engine has to ask about, so that the policy can decide. */
export function askedTools({ mode, rules }: ApprovalPolicy) {
  const named = rules.map(({ tool }) => tool).filter((tool) => tool !== 'question')
  return [...new Set([...(mode === 'ask' ? guarded : []), ...named])]
}

/**
 * Whether a glob fits a text whole: `*` any characters, `?` one. "git *" fits "git" too, as in the engine.
 * Linear in pattern times text, whatever they hold.
 */
export function matches(pattern: string, text: string): boolean {
  if (pattern.endsWith(' *') && matches(pattern.slice(0, -2), text)) return true
  let p = 0
  let t = 0
  let star = -1
  let mark = 0
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p
      mark = t
      p += 1
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p += 1
      t += 1
    } else if (star >= 0) {
      p = star + 1
      mark += 1
      t = mark
    } else return false
  }
  while (pattern[p] === '*') p += 1
  return p === pattern.length
}

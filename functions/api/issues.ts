import type * as z from 'zod'
import { type FieldError, OrchestratorError } from '#core/error'

/** Faults told in one answer; more would not be read. */
const maxErrors = 50

type Issue = z.core.$ZodIssue

/** Checks a value that came from outside. @throws invalid_input that names every field at fault and the remedy */
export function accept<S extends z.ZodType>(schema: S, value: unknown, what: 'body' | 'query'): z.output<S> {
  const parsed = schema.safeParse(value, { reportInput: true })
  if (parsed.success) return parsed.data
  throw invalid(what, parsed.error.issues.flatMap(faultsOf))
}

export function invalid(what: string, errors: FieldError[]) {
  const first = errors
    .slice(0, 3)
    .map(({ pointer, message }) => `${pointer || 'it'} ${message}`)
    .join('; ')
  const rest = errors.length > 3 ? `; and ${errors.length - 3} more` : ''
  return new OrchestratorError('invalid_input', `The ${what} cannot be accepted: ${first}${rest}.`, {
    errors: errors.slice(0, maxErrors),
  })
}

function faultsOf(issue: Issue): FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    const message = 'is not a known field; remove it or correct its name'
    return issue.keys.map((key) => ({ pointer: pointerOf([...issue.path, key]), message }))
  }
  return [{ pointer: pointerOf(issue.path), message: messageOf(issue) }]
}

/** A JSON pointer (RFC 6901). */
export function pointerOf(path: readonly PropertyKey[]) {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

function messageOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? `is required and must be ${article(issue.expected)}`
        : `must be ${article(issue.expected)}`
    case 'too_big':
      return `must ${sizeOf(issue.origin, 'at most', issue.maximum, issue.input)}`
    case 'too_small':
      return `must ${sizeOf(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum, issue.input)}`
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`
    default:
      return issue.message.replace(/^Invalid input: /, '')
  }
}

function article(expected: string) {
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`
}

function sizeOf(origin: string, relation: string, bound: number | bigint, input: unknown) {
  if (origin === 'string')
    return `have ${relation} ${bound} characters${typeof input === 'string' ? `, not ${input.length}` : ''}`
  if (origin === 'array')
    return `have ${relation} ${bound} items${Array.isArray(input) ? `, not ${input.length}` : ''}`
  return `be ${relation} ${bound}`
}

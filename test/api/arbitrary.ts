import * as fc from 'fast-check'
import * as z from 'zod'
import { resolve, type Schema } from './contract.ts'

/** What no field expects, and what has broken servers before. */
export const hostile = fc.oneof(
  fc.constantFrom<unknown>(
    ...[
      '',
      ' ',
      '\0',
      '\ud800',
      'a\u0000b',
      '../../etc/passwd',
      "'; drop table session; --",
      '%00',
      '{{7*7}}',
    ],
    ...[
      '\u202e',
      '<script>alert(1)</script>',
      '-1',
      '1e999',
      'NaN',
      'null',
      'true',
      '__proto__',
      'constructor',
    ],
    ...[null, true, false, 0, -0, -1, 1.5, 1e308, -1e308, 2 ** 31, 2 ** 53, 2 ** 63, [], {}, [[]], [null]],
    ...['x'.repeat(300), 'x'.repeat(100_001), JSON.parse('{"__proto__":{"a":1}}'), { toString: 1 }],
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.double(),
  fc.jsonValue({ maxDepth: 3 }),
)

const maxDepth = 8
const Text = z.looseObject({
  pattern: z.string().optional(),
  allOf: z.array(z.looseObject({ pattern: z.string().optional() })).optional(),
  format: z.string().optional(),
  minLength: z.int().default(0),
  maxLength: z.int().optional(),
})
const Numeric = z.looseObject({
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
})
const Members = z.looseObject({
  properties: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  required: z.array(z.string()).default([]),
  additionalProperties: z.unknown().optional(),
})
const Items = z.looseObject({
  // Of a tuple it is `false`.
  items: z.record(z.string(), z.unknown()).catch({}),
  prefixItems: z.array(z.record(z.string(), z.unknown())).optional(),
  minItems: z.int().default(0),
  maxItems: z.int().optional(),
})
const Choices = z.looseObject({
  anyOf: z.array(z.record(z.string(), z.unknown())).optional(),
  oneOf: z.array(z.record(z.string(), z.unknown())).optional(),
  enum: z.array(z.unknown()).optional(),
})

/** Values that a schema of the document takes. `known` says what else to try for a text of a pattern: ids that are there. */
export function arbitraryOf(
  schemas: Record<string, Schema>,
  schema: Schema,
  known: (pattern: string) => fc.Arbitrary<string> | null,
  depth = 0,
): fc.Arbitrary<unknown> {
  const of = resolve(schemas, schema)
  const inner = (next: Schema) => arbitraryOf(schemas, next, known, depth + 1)
  const { anyOf, oneOf, enum: values } = Choices.parse(of)
  const choices = anyOf ?? oneOf
  if ('const' in of) return fc.constant(of.const)
  if (values) return fc.constantFrom(...values)
  if (choices) return depth > maxDepth ? fc.constant(null) : fc.oneof(...choices.map(inner))
  switch (of.type) {
    case 'string':
      return textOf(Text.parse(of), known)
    case 'integer':
    case 'number':
      return numberOf(Numeric.parse(of), of.type === 'integer')
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array': {
      const { items, prefixItems, minItems, maxItems = 3 } = Items.parse(of)
      if (prefixItems) return fc.tuple(...prefixItems.map(inner))
      const maxLength = depth > maxDepth ? minItems : Math.min(maxItems, minItems + 2)
      return fc.array(inner(items), { minLength: minItems, maxLength })
    }
    case 'object':
      return objectOf(Members.parse(of), inner)
    default:
      return fc.jsonValue({ maxDepth: 3 })
  }
}

function textOf(
  { pattern, allOf, format, minLength, maxLength = minLength + 20 }: z.infer<typeof Text>,
  known: (pattern: string) => fc.Arbitrary<string> | null,
): fc.Arbitrary<string> {
  if (format === 'date-time')
    return fc
      .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((at) => at.toISOString())
  const patterns = pattern === undefined ? (allOf ?? []).flatMap((one) => one.pattern ?? []) : [pattern]
  const [first] = patterns
  if (first === undefined)
    return fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 60) })
  const there = known(first)
  // A lookahead cannot be generated from: such texts keep to words, which every pattern of ours takes.
  const made = /\\P|\(\?[=!]/.test(first)
    ? fc.constantFrom('main', 'word')
    : fc.stringMatching(new RegExp(first))
  return there ? fc.oneof({ weight: 4, arbitrary: there }, { weight: 1, arbitrary: made }) : made
}

function numberOf({ minimum, maximum, exclusiveMinimum }: z.infer<typeof Numeric>, whole: boolean) {
  const min = Math.max(minimum ?? exclusiveMinimum ?? -1e6, Number.MIN_SAFE_INTEGER)
  const max = Math.min(maximum ?? 1e6, Number.MAX_SAFE_INTEGER)
  if (!whole) return fc.double({ min: min + (exclusiveMinimum === undefined ? 0 : 1e-6), max, noNaN: true })
  return fc.oneof(
    fc.integer({ min: Math.ceil(min), max: Math.min(max, min + 10) }),
    fc.maxSafeInteger().map(within),
  )
  function within(value: number) {
    return Math.min(Math.max(value, min), max)
  }
}

function objectOf(
  { properties, required, additionalProperties }: z.infer<typeof Members>,
  inner: (schema: Schema) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  const members = Object.fromEntries(Object.entries(properties).map(([name, of]) => [name, inner(of)]))
  if (Object.keys(members).length === 0 && additionalProperties !== false)
    return fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), {
      maxKeys: 3,
    })
  return fc.record(members, { requiredKeys: required.filter((name) => name in members) })
}

/** A value that was right, with one thing of it wrong. */
export function nearly(valid: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.tuple(valid, fc.nat(), fc.constantFrom('drop', 'replace', 'add'), hostile).map(spoil)
}

function spoil([value, place, how, wrong]: [unknown, number, string, unknown]): unknown {
  if (typeof value !== 'object' || value === null) return wrong
  const keys = Object.keys(value)
  if (how === 'add' && !Array.isArray(value)) return { ...value, [`unknown_${place % 3}`]: wrong }
  const key = keys[place % Math.max(1, keys.length)]
  if (key === undefined) return wrong
  const entries = Object.entries(value)
  if (how === 'drop')
    return rebuilt(
      value,
      entries.filter(([name]) => name !== key),
    )
  const deeper = Math.floor(place / Math.max(1, keys.length))
  const spoilt = (member: unknown) => (deeper > 0 ? spoil([member, deeper, how, wrong]) : wrong)
  return rebuilt(
    value,
    entries.map(([name, member]) => [name, name === key ? spoilt(member) : member]),
  )
}

function rebuilt(value: object, entries: [string, unknown][]) {
  return Array.isArray(value) ? entries.map(([, member]) => member) : Object.fromEntries(entries)
}

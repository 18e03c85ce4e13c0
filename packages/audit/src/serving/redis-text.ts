import type { Difference } from '../report.ts'

export const redisDifference = (
  key: string,
  field: string,
  values: {
    readonly expected: string | null
    readonly actual: string | null
    readonly at?: string
  },
): Difference => ({
  store: 'redis',
  key,
  field,
  expected: values.expected,
  actual: values.actual,
  at: values.at ?? null,
})

/** A number as C's `%.9g` writes it, which is how Redis holds decayed sums. */
export function nineDigits(value: number): string {
  if (value === 0) return '0'
  const [mantissa = '', exponent = ''] = value.toExponential(8).split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 9) return String(Number(value.toPrecision(9)))
  const digits = mantissa.replace(/\.?0+$/, '')
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

/** A reply that is a hash: HGETALL of a key that holds something else is refused. */
export function asHash(reply: unknown): Readonly<Record<string, string>> | null {
  return reply instanceof Error || typeof reply !== 'object' || reply === null
    ? null
    : (reply as Readonly<Record<string, string>>)
}

/** A score as Redis answers it; null where there is no such member. */
export function asScore(reply: unknown): string | null {
  if (reply instanceof Error) return reply.message
  return reply === null || reply === undefined ? null : (reply as string)
}

/** Every field that differs, is missing, or should not be there. */
export function compareHash(
  key: string,
  expected: ReadonlyMap<string, string>,
  reply: unknown,
  at?: string,
): Difference[] {
  const place = at === undefined ? {} : { at }
  const actual = asHash(reply)
  if (actual === null) {
    return [redisDifference(key, '', { expected: 'a hash', actual: String(reply), ...place })]
  }
  if (Object.keys(actual).length === 0 && expected.size > 1) {
    return [redisDifference(key, '', { expected: 'a hash', actual: null, ...place })]
  }
  const differences: Difference[] = []
  for (const [field, text] of expected) {
    const found = actual[field] ?? null
    if (found !== text) {
      differences.push(redisDifference(key, field, { expected: text, actual: found, ...place }))
    }
  }
  for (const [field, text] of Object.entries(actual)) {
    if (!expected.has(field)) {
      differences.push(redisDifference(key, field, { expected: null, actual: text, ...place }))
    }
  }
  return differences
}

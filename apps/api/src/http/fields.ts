import { z } from './openapi-zod.ts'

/** Schemas of what arrives as text in a path or query. Each accepts one spelling, so that equal requests look equal. */

const printable = /^[^\u0000-\u001f\u007f]+$/

export const deviceId = z
  .string()
  .min(1)
  .max(128, 'at most 128 characters')
  .regex(printable, 'no control characters')
  .openapi({ example: 'AC-0042' })

export const nameText = z.string().min(1).max(128, 'at most 128 characters').regex(printable)

/** A whole number between `min` and `max`, in plain digits. */
export function wholeNumber(range: { min: number; max: number; default: number }) {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'expected a whole number')
    .transform(Number)
    .refine(
      (value) => value >= range.min && value <= range.max,
      `expected ${range.min} to ${range.max}`,
    )
    .default(range.default)
    .openapi({
      type: 'integer',
      minimum: range.min,
      maximum: range.max,
      default: range.default,
    })
}

const timeMaxMs = Date.UTC(2200, 0)

/** RFC 3339 (`2026-11-21T09:30:00Z`) or epoch milliseconds; the result is epoch ms. */
export const instant = z
  .string()
  .max(40)
  .transform((text, context) => {
    const epochMs = /^\d{1,15}$/.test(text) ? Number(text) : rfc3339(text)
    if (Number.isFinite(epochMs) && epochMs >= 0 && epochMs < timeMaxMs) return epochMs
    context.addIssue({ code: 'custom', message: 'expected an RFC 3339 time or epoch milliseconds' })
    return z.NEVER
  })
  .openapi({ type: 'string', example: '2026-11-21T09:30:00Z' })

function rfc3339(text: string): number {
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/.test(text)
    ? Date.parse(text)
    : Number.NaN
}

export interface Offset {
  readonly partition: number
  readonly offset: number
}

const offsetsMax = 256
const offsetList = /^\d{1,5}:\d{1,15}(,\d{1,5}:\d{1,15})*$/

/** `P:O`: partition and offset of the enriched topic; several as a list with commas, or by giving the parameter again. */
export const minOffset = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => (typeof given === 'string' ? given : given.join(',')))
  .pipe(z.string().max(6_000).regex(offsetList, 'expected partition:offset,partition:offset,…'))
  .transform((text): readonly Offset[] =>
    text.split(',').map((entry) => {
      const [partition, offset] = entry.split(':')
      return { partition: Number(partition), offset: Number(offset) }
    }),
  )
  .refine((offsets) => offsets.length <= offsetsMax, `at most ${offsetsMax} partitions`)
  .optional()
  .openapi({
    type: 'string',
    example: '0:1042,1:977',
    description:
      'Wait up to 2 s until these offsets of the enriched topic (partition:offset) are in the answer, else 409.',
  })

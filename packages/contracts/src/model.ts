import { z } from 'zod'
import type { DeviceModel, Guard, Rule } from '@faultline/core/model'

/**
 * Checks the rows of `device_models`: what people write by hand, and what Debezium carries (there `rules` is JSON text).
 * A rule may name a channel the model lacks; it then never holds (see core/model/rule.ts).
 */

const finite = z.number()
const channelName = z.string().min(1)

const limits = {
  above: finite.optional(),
  below: finite.optional(),
  outside: z.tuple([finite, finite]).optional(),
}

interface LimitFields {
  readonly above?: number | undefined
  readonly below?: number | undefined
  readonly outside?: readonly [number, number] | undefined
}

type Report = (message: string) => void

function checkLimit({ above, below, outside }: LimitFields, report: Report): void {
  const given = [above, below, outside].filter((limit) => limit !== undefined)
  if (given.length !== 1) {
    report(`exactly one of above, below, outside is needed, got ${given.length}`)
  }
  if (outside !== undefined && outside[0] >= outside[1]) {
    report(`outside is [low, high] with low < high, got [${outside[0]}, ${outside[1]}]`)
  }
}

const guardSchema = z
  .strictObject({ channel: channelName, minus: channelName.optional(), ...limits })
  .superRefine((guard, context) => {
    checkLimit(guard, (message) => {
      context.addIssue({ code: 'custom', message })
    })
  })
  // The checks above hold what the union says; zod's type, with every key optional, cannot show it.
  .transform((guard) => guard as Guard)

const ruleFields = z.strictObject({
  code: z.string().min(1),
  when: z.array(guardSchema).optional(),
  channel: channelName.optional(),
  minus: channelName.optional(),
  starts_of: channelName.optional(),
  running_above: finite.optional(),
  ...limits,
})

function checkMeasure(rule: z.infer<typeof ruleFields>, report: Report): void {
  const readsChannel = rule.channel !== undefined
  const countsStarts = rule.starts_of !== undefined
  if (readsChannel === countsStarts) {
    report('exactly one of channel and starts_of is needed')
  } else if (countsStarts && rule.running_above === undefined) {
    report('starts_of needs running_above')
  }
  if (!countsStarts && rule.running_above !== undefined) report('running_above needs starts_of')
  if (!readsChannel && rule.minus !== undefined) report('minus needs channel')
}

/** One rule, to the type of the core. Unknown keys are refused: a misspelt guard must not widen a rule. */
export const ruleSchema = ruleFields
  .superRefine((rule, context) => {
    const report: Report = (message) => {
      context.addIssue({ code: 'custom', message })
    }
    checkLimit(rule, report)
    checkMeasure(rule, report)
  })
  .transform((rule) => rule as Rule)

const rulesSchema = z.array(ruleSchema).superRefine((rules, context) => {
  const codes = rules.map(({ code }) => code)
  const twice = codes.filter((code, index) => codes.indexOf(code) !== index)
  if (twice.length > 0) {
    context.addIssue({ code: 'custom', message: `codes given twice: ${twice.join(', ')}` })
  }
})

const jsonText = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue({ code: 'custom', message: 'not JSON' })
    return z.NEVER
  }
})

/** A device type: a part of Redis keys, so without a colon; `all` is the ranking over every type. */
export const deviceTypeName = z
  .string()
  .min(1)
  .refine((type) => type !== 'all' && !type.includes(':'), 'a type is not `all` and has no colon')

/** A row of `device_models` as PostgreSQL or Debezium gives it (other columns are ignored). */
export const deviceModelRow = z
  .object({
    model: z.string().min(1),
    type: deviceTypeName,
    channels: z.array(channelName).min(1),
    units: z.array(z.string()),
    rules: z.union([jsonText.pipe(rulesSchema), rulesSchema]),
  })
  .superRefine(({ channels, units }, context) => {
    if (new Set(channels).size !== channels.length) {
      context.addIssue({ code: 'custom', path: ['channels'], message: 'a channel is named twice' })
    }
    if (channels.length !== units.length) {
      context.addIssue({
        code: 'custom',
        path: ['units'],
        message: `${units.length} units for ${channels.length} channels`,
      })
    }
  })
  .transform((row): DeviceModel => row)

/** The problems of a refused row in one line, each with its place: `rules.2.when.0: exactly one of …`. */
export function describeProblems(error: z.ZodError): string {
  return error.issues.flatMap((issue) => flatten(issue, [])).join('; ')
}

function flatten(issue: z.core.$ZodIssue, parent: readonly PropertyKey[]): string[] {
  const path = [...parent, ...issue.path]
  if (issue.code === 'invalid_union') {
    // Of the alternatives (text or array) only the one that fits the input's type has something to say.
    const telling = issue.errors.find((issues) => issues[0]?.code !== 'invalid_type')
    if (telling !== undefined) return telling.flatMap((inner) => flatten(inner, path))
  }
  const place = path.map(String).join('.')
  return [place === '' ? issue.message : `${place}: ${issue.message}`]
}

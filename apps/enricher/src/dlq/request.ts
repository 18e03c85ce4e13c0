import { z } from 'zod'
import { deadLetterReasons } from '@faultline/contracts/dead-letter'
import { FaultlineError } from '@faultline/runtime/errors'
import { letterId, type Letter } from './letter-book.ts'

const id = z
  .string()
  .regex(
    /^\d+:\d+$/,
    'a letter is named by its partition and offset, as `faultline dlq list` prints it',
  )

const schema = z.object({
  verb: z.enum(['list', 'show', 'replay', 'discard']),
  ids: z.array(id).default([]),
  reason: z.enum(deadLetterReasons).optional(),
  device: z.string().optional(),
  /** An ISO time or epoch ms. */
  since: z
    .string()
    .transform((text) => (/^\d{10,}$/.test(text) ? Number(text) : Date.parse(text)))
    .refine((time) => !Number.isNaN(time), 'expected a time, as 2026-01-31T12:00:00Z')
    .optional(),
  all: z.boolean().default(false),
  limit: z.coerce.number().int().positive().optional(),
  dryRun: z.boolean().default(false),
  yes: z.boolean().default(false),
  json: z.boolean().default(false),
})

export type DlqRequest = z.output<typeof schema>

/** Reads the request of the command line, which is one JSON object. @throws FaultlineError ARGUMENT_INVALID */
export function parseRequest(text: string | undefined): DlqRequest {
  const result = schema.safeParse(JSON.parse(text ?? '{}'))
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
    throw invalid(problems.join('; '))
  }
  const request = result.data
  const { verb, ids, reason, device, since, all } = request
  if (verb === 'show' && ids.length === 0) throw invalid('name the letters to show')
  const hasFilter = reason !== undefined || device !== undefined || since !== undefined
  if ((verb === 'replay' || verb === 'discard') && ids.length === 0 && !hasFilter && !all) {
    throw invalid(
      `say which letters to ${verb}: by their ids, --reason, --device, --since, or --all`,
    )
  }
  return request
}

/** Whether a letter is meant by the ids and the filters given; the limit is not looked at. */
export function isMeant({ ids, reason, device, since }: DlqRequest, letter: Letter): boolean {
  return (
    (ids.length === 0 || ids.includes(letterId(letter))) &&
    (reason === undefined || letter.reason === reason) &&
    (device === undefined || letter.deviceId === device) &&
    (since === undefined || letter.refused_at >= since)
  )
}

export function invalid(message: string): FaultlineError {
  return new FaultlineError('ARGUMENT_INVALID', message, {
    remedy: '`faultline dlq --help` shows examples.',
  })
}

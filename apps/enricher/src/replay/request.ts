import { z } from 'zod'
import { FaultlineError } from '@faultline/runtime/errors'
import { startingOffsets } from '@faultline/runtime/kafka'

const schema = z.object({
  from: startingOffsets.refine(
    ({ at }) => at !== 'latest',
    'there is nothing to replay from latest',
  ),
  to: z.union([
    z.undefined(),
    startingOffsets.refine(({ at }) => at !== 'earliest', 'there is nothing before earliest'),
  ]),
  into: z.string().min(1).optional(),
  correct: z.boolean().default(false),
  json: z.boolean().default(false),
})

export type ReplayRequest = z.output<typeof schema>

/** Reads the request of the command line, which is one JSON object. @throws FaultlineError ARGUMENT_INVALID */
export function parseRequest(text: string | undefined): ReplayRequest {
  const result = schema.safeParse(JSON.parse(text ?? '{}'))
  if (result.success) return result.data
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new FaultlineError('ARGUMENT_INVALID', problems.join('; '), {
    remedy: '`faultline replay --help` shows examples.',
  })
}

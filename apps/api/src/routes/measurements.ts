import type { Request } from 'express'
import { FaultlineError } from '@faultline/runtime/errors'
import {
  itemsMax,
  jsonBytesMax,
  ndjsonBytesMax,
  type MeasurementIntake,
} from '../ingest/measurement-intake.ts'
import { z } from '../http/openapi-zod.ts'
import { invalidArgument } from '../http/problem.ts'
import type { RawRoute } from '../http/route.ts'
import { sendAnswer } from '../http/send.ts'

const json = 'application/json'
const ndjson = 'application/x-ndjson'
const mebibyte = 1_048_576

const reading = z.number().nullable()
const measurement = z
  .object({
    device_id: z.string(),
    measured_at: z.union([z.string(), z.number()]).openapi({
      description:
        'RFC 3339 (without a zone: UTC) or epoch milliseconds, of the years 2000 to 2099',
    }),
    readings: z.union([z.array(reading), z.record(z.string(), reading)]).openapi({
      description:
        'A list in the order of the channels of the model, or an object of channels by name; null: no value',
    }),
    car_number: z.number().int().nullable().optional(),
  })
  .openapi('Measurement')

const response = z.object({
  accepted: z.number().openapi({ description: 'Committed to PostgreSQL' }),
  rejected: z
    .number()
    .openapi({ description: 'Refused; accepted and rejected are all that were given' }),
  rejected_indexes: z.array(z.number()).openapi({
    description: 'Which were refused, all of them: places of what was given, from 0',
  }),
  errors: z.array(z.object({ index: z.number(), code: z.string(), detail: z.string() })).openapi({
    description: 'Why, of the first 100 that were refused',
  }),
  replayed: z.boolean().openapi({
    description:
      'The Idempotency-Key was known: nothing was written now, the counts are those of then',
  }),
})

const key = z.string().regex(/^[\x21-\x7e]{1,200}$/)

export function measurementRoute(intake: Pick<MeasurementIntake, 'take'> | undefined): RawRoute {
  return {
    kind: 'raw',
    method: 'post',
    path: '/api/measurements',
    tag: 'Measurements',
    summary: 'Takes in measurements; the answer comes when they are committed',
    description:
      `One measurement or a list as JSON (up to ${jsonBytesMax / mebibyte} MiB), or one a line as NDJSON (up to ` +
      `${ndjsonBytesMax / mebibyte} MiB), up to ${itemsMax} in a request; both also packed by gzip, where the bounds are for what is unpacked. ` +
      'What can be taken is committed in one transaction, whatever else is refused. After an answer that was lost, or a 503, send the same body ' +
      'with the same `Idempotency-Key`: it is written once. Keys are kept for 7 days.',
    request: {
      headers: z.object({
        'Idempotency-Key': key
          .optional()
          .openapi({ description: '1 to 200 printable ASCII characters' }),
      }),
      body: {
        [json]: z.union([measurement, z.array(measurement)]),
        [ndjson]: z.string().openapi({ description: 'A measurement a line' }),
      },
    },
    mediaType: json,
    response,
    status: 202,
    errors: [
      'ARGUMENT_INVALID',
      'BODY_TOO_LARGE',
      'MEDIA_TYPE_UNSUPPORTED',
      'IDEMPOTENCY_KEY_REUSED',
      'INGEST_BUSY',
      'DATABASE_UNAVAILABLE',
    ],
    handle: async (request, answer) => {
      if (intake === undefined) {
        throw new FaultlineError('DATABASE_UNAVAILABLE', 'the API was started without DATABASE_URL')
      }
      const isNdjson = mediaTypeOf(request) === ndjson
      const body = await intake.take({ request, isNdjson, key: keyOf(request) })
      sendAnswer(request, answer, { body, status: 202 })
    },
  }
}

function mediaTypeOf(request: Request): string {
  const found = request.is([json, ndjson])
  if (typeof found === 'string') return found
  throw new FaultlineError('MEDIA_TYPE_UNSUPPORTED', `The body has to be ${json} or ${ndjson}.`)
}

function keyOf(request: Request): string | null {
  const given = request.headers['idempotency-key']
  if (given === undefined) return null
  const read = key.safeParse(given)
  if (read.success) return read.data
  throw invalidArgument([
    { pointer: '/headers/idempotency-key', detail: 'expected 1 to 200 printable ASCII characters' },
  ])
}

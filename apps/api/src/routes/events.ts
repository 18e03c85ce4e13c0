import { asOfBody } from '../http/as-of.ts'
import { nameText, wholeNumber } from '../http/fields.ts'
import { z } from '../http/openapi-zod.ts'
import { notFound } from '../http/problem.ts'
import type { JsonRoute } from '../http/route.ts'
import { servingRoute } from '../http/serving-route.ts'
import type { ServingReader } from '../ports/serving-reader.ts'
import type { ProgressWait } from '../progress-wait.ts'
import { asOf, deviceEvent, eventBody } from '../schemas/device.ts'

const eventsMax = 1_000

export function eventRoutes(deps: {
  readonly serving: ServingReader
  readonly progressWait: ProgressWait
}): readonly JsonRoute[] {
  const { serving, progressWait } = deps
  return [
    servingRoute(progressWait, {
      method: 'get',
      path: '/api/events/{type}',
      tag: 'Events',
      summary: 'The newest events of a type, in the order they were applied',
      description:
        'Without `after` the newest `limit`; with it those that follow, so that `next_after` reads on without loss. ' +
        '`has_gap` says that entries after `after` may have left the stream, which keeps only the newest.',
      params: z.object({ type: nameText }),
      query: {
        after: z
          .string()
          .regex(/^\d{1,15}-\d{1,15}$/, 'expected an id as given in next_after')
          .optional(),
        limit: wholeNumber({ min: 1, max: eventsMax, default: 50 }),
      },
      response: z.object({
        events: z.array(deviceEvent),
        count: z.number(),
        next_after: z.string().nullable(),
        has_gap: z.boolean(),
        as_of: asOf,
      }),
      errors: ['NOT_FOUND', 'SERVING_STORE_UNAVAILABLE'],
      handle: async ({ params, query }) => {
        const after = query.after ?? null
        const range = { after, limit: query.limit }
        const { value: read, progress } = await serving.events(params.type, range)
        if (read === null) {
          throw notFound(`No device has the type ${JSON.stringify(params.type)}.`)
        }
        return {
          body: {
            events: read.events.map(({ id, event }) => eventBody(id, event)),
            count: read.events.length,
            next_after: read.events.at(-1)?.id ?? after,
            has_gap: read.hasGap,
            as_of: asOfBody(progress),
          },
          asOf: progress,
        }
      },
    }),
  ]
}

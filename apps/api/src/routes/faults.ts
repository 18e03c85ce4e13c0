import { allTypes } from '@faultline/contracts/redis-keys'
import type { Clock } from '@faultline/runtime/clock'
import { asOfBody, isoTime } from '../http/as-of.ts'
import { nameText, wholeNumber } from '../http/fields.ts'
import { z } from '../http/openapi-zod.ts'
import type { JsonRoute } from '../http/route.ts'
import { servingRoute } from '../http/serving-route.ts'
import type { ServingReader } from '../ports/serving-reader.ts'
import type { ProgressWait } from '../progress-wait.ts'
import { fleetBody, readRanking } from '../ranking.ts'
import { asOf, fleetSummary, rankedDevice } from '../schemas/device.ts'

interface FaultRoutesDeps {
  readonly serving: ServingReader
  readonly progressWait: ProgressWait
  readonly clock: Clock
}

const tag = 'Rankings'
const rankingMax = 500

export function faultRoutes(deps: FaultRoutesDeps): readonly JsonRoute[] {
  return [topRoute(deps), fleetRoute(deps)]
}

function topRoute({ serving, progressWait, clock }: FaultRoutesDeps): JsonRoute {
  return servingRoute(progressWait, {
    method: 'get',
    path: '/api/faults/top',
    tag,
    summary: 'The worst devices first',
    description:
      '`live` ranks by the time-decayed fault sum at `at`; `1h` and `24h` by the exact sum of fault scores in a sliding ' +
      'window of event time. `at` is the present; for data on another clock it is their newest measured time.',
    query: {
      type: nameText.default(allTypes),
      window: z.enum(['live', '1h', '24h']).default('live'),
      limit: wholeNumber({ min: 1, max: rankingMax, default: 10 }),
    },
    response: z.object({
      type: z.string(),
      window: z.enum(['live', '1h', '24h']),
      at: z.iso.datetime(),
      half_life_ms: z.number().nullable(),
      devices: z.array(rankedDevice),
      count: z.number(),
      as_of: asOf,
    }),
    errors: ['SERVING_STORE_UNAVAILABLE'],
    handle: async ({ query }) => {
      const question = { scope: query.type, window: query.window, limit: query.limit }
      const ranking = await readRanking(serving, question, clock.now())
      return {
        body: {
          type: query.type,
          window: query.window,
          at: isoTime(ranking.atMs),
          half_life_ms: ranking.halfLifeMs,
          devices: [...ranking.devices],
          count: ranking.devices.length,
          as_of: asOfBody(ranking.progress),
        },
        asOf: ranking.progress,
      }
    },
  })
}

function fleetRoute({ serving, progressWait }: FaultRoutesDeps): JsonRoute {
  return servingRoute(progressWait, {
    method: 'get',
    path: '/api/fleet',
    tag,
    summary: 'Devices by alert level, for each type',
    response: z.object({ types: z.array(fleetSummary), as_of: asOf }),
    errors: ['SERVING_STORE_UNAVAILABLE'],
    handle: async () => {
      const { value: fleet, progress } = await serving.fleet()
      return {
        body: { types: fleet.map(fleetBody), as_of: asOfBody(progress) },
        asOf: progress,
      }
    },
  })
}

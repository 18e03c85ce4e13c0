import type { Metrics } from '@faultline/runtime/metrics'
import { z } from '../http/openapi-zod.ts'
import { jsonRoute, type Route } from '../http/route.ts'
import type { ApiHealth } from '../health.ts'

const tag = 'Operations'

export function operationsRoutes(deps: {
  readonly health: ApiHealth
  readonly metrics: Metrics
}): readonly Route[] {
  return [
    jsonRoute({
      method: 'get',
      path: '/healthz',
      tag,
      summary: 'The process runs',
      response: z.object({ status: z.literal('ok') }),
      errors: [],
      handle: () => Promise.resolve({ body: { status: 'ok' as const } }),
    }),
    jsonRoute({
      method: 'get',
      path: '/readyz',
      tag,
      summary: 'Whether the API can serve: 200, or 503 while Redis is away',
      response: z.object({
        status: z.enum(['ready', 'not ready']),
        serving_store: z.enum(['up', 'down']),
        warehouse: z.enum(['up', 'down']),
        stopping: z.boolean(),
      }),
      errors: [],
      handle: async () => {
        const { ready, servingStore, warehouse, isStopping } = await deps.health.readiness()
        return {
          status: ready ? 200 : 503,
          body: {
            status: ready ? ('ready' as const) : ('not ready' as const),
            serving_store: servingStore,
            warehouse,
            stopping: isStopping,
          },
        }
      },
    }),
    {
      kind: 'raw',
      method: 'get',
      path: '/metrics',
      tag,
      summary: 'Prometheus metrics',
      description: undefined,
      mediaType: 'text/plain',
      errors: [],
      handle: async (_request, response) => {
        const text = await deps.metrics.registry.metrics()
        response.setHeader('Content-Type', deps.metrics.registry.contentType)
        response.end(text)
      },
    },
  ]
}

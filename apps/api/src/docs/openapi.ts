import {
  OpenAPIRegistry,
  OpenApiGeneratorV31,
  type RouteConfig,
} from '@asteasolutions/zod-to-openapi'
import type { ZodObject } from 'zod'
import { asOfHeader } from '../http/as-of.ts'
import { z } from '../http/openapi-zod.ts'
import { httpStatusOf, problemTexts, type HttpErrorCode } from '../http/problem.ts'
import type { JsonRoute, RawRoute, Route } from '../http/route.ts'

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    code: z.string(),
    request_id: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .openapi('Problem', { description: 'RFC 9457; `type` leads to /docs/errors' })

const asOfHeaders = z.object({
  [asOfHeader]: z.string().openapi({
    description: 'The last offset of the enriched topic in the answer, partition by partition',
    example: '0;offset=41;measured_at=1763731911000, 1;offset=7',
  }),
})

export type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>

/** The OpenAPI 3.1 document of these routes, from the schemas that validate them. */
export function openApiOf(routes: readonly Route[]): OpenApiDocument {
  const registry = new OpenAPIRegistry()
  for (const route of routes) registry.registerPath(pathOf(route))
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Faultline API',
      version: '0.1.0',
      description:
        'Faults of a device fleet, ranked and explained within a second of being measured. Times are RFC 3339 in UTC. ' +
        'The header `Faultline-As-Of` says how fresh a serving answer is.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
  })
}

function pathOf(route: Route): RouteConfig {
  return {
    method: route.method,
    path: route.path,
    operationId: operationId(route),
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(route.kind === 'json' ? { request: requestOf(route) } : rawRequestOf(route)),
    responses: { ...successOf(route), ...problemsOf(route) },
  }
}

function operationId({ method, path }: Route): string {
  const words = path.split(/[^a-zA-Z0-9]+/).filter((word) => word !== '')
  return [method, ...(words.length === 0 ? ['page'] : words)].join('_')
}

function requestOf(route: JsonRoute): NonNullable<RouteConfig['request']> {
  return {
    // Params and queries are always objects; the general type of a route's schema does not say so.
    ...(route.params === undefined ? {} : { params: route.params as ZodObject }),
    ...(route.query === undefined ? {} : { query: route.query as ZodObject }),
    ...(route.body === undefined
      ? {}
      : { body: { required: true, content: { 'application/json': { schema: route.body } } } }),
  }
}

function rawRequestOf({ request }: RawRoute): Pick<RouteConfig, 'request'> {
  if (request === undefined) return {}
  const content = Object.fromEntries(
    Object.entries(request.body).map(([mediaType, schema]) => [mediaType, { schema }]),
  )
  return { request: { headers: request.headers, body: { required: true, content } } }
}

function successOf(route: Route): RouteConfig['responses'] {
  const schema = route.response ?? z.string()
  const status = (route.kind === 'raw' ? route.status : undefined) ?? 200
  const mediaType = route.kind === 'json' ? 'application/json' : route.mediaType
  const headers = route.kind === 'json' && route.hasAsOf ? { headers: asOfHeaders } : {}
  return { [status]: { description: 'OK', ...headers, content: { [mediaType]: { schema } } } }
}

function problemsOf(route: Route): RouteConfig['responses'] {
  const validates = route.kind === 'json' && (route.params ?? route.query ?? route.body)
  const codes: HttpErrorCode[] = [
    ...(validates === undefined || validates === false ? [] : (['ARGUMENT_INVALID'] as const)),
    ...route.errors,
    'INTERNAL_ERROR',
  ]
  const byStatus = Map.groupBy(codes, httpStatusOf)
  const responses = [...byStatus].map(([status, ofStatus]) => {
    const description = ofStatus.map((code) => `${code}: ${problemTexts[code].title}`).join('; ')
    const content = { 'application/problem+json': { schema: problem } }
    return [status, { description, content }] as const
  })
  return Object.fromEntries(responses)
}

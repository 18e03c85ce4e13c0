import express, { type Express, type Request, type RequestHandler, type Response } from 'express'
import helmet from 'helmet'
import type { Clock } from '@faultline/runtime/clock'
import { FaultlineError } from '@faultline/runtime/errors'
import type { Logger } from '@faultline/runtime/logging'
import type { Metrics } from '@faultline/runtime/metrics'
import { errorPage } from './docs/error-page.ts'
import { openApiOf } from './docs/openapi.ts'
import { referencePage } from './docs/reference-page.ts'
import type { ApiHealth } from './health.ts'
import { createErrorMiddleware } from './http/error-middleware.ts'
import { createRequestTimer } from './http/request-timer.ts'
import { notFound } from './http/problem.ts'
import { expressPath, type JsonRoute, type Route } from './http/route.ts'
import { sendAnswer } from './http/send.ts'
import { validRequest } from './http/validate.ts'
import type { MeasurementIntake } from './ingest/measurement-intake.ts'
import type { LiveHub } from './live/live-hub.ts'
import type { ServingReader } from './ports/serving-reader.ts'
import type { WarehouseReader } from './ports/warehouse-reader.ts'
import { ProgressWait } from './progress-wait.ts'
import { deviceRoutes } from './routes/devices.ts'
import { documentRoute } from './routes/documents.ts'
import { eventRoutes } from './routes/events.ts'
import { faultRoutes } from './routes/faults.ts'
import { historyRoutes } from './routes/history.ts'
import { liveRoute } from './routes/live.ts'
import { measurementRoute } from './routes/measurements.ts'
import { operationsRoutes } from './routes/operations.ts'
import { pageRouter } from './routes/page.ts'

export interface ApiDeps {
  readonly serving: ServingReader
  readonly warehouse: WarehouseReader
  /** Undefined where the API has no database to write to. */
  readonly intake: Pick<MeasurementIntake, 'take'> | undefined
  readonly hub: LiveHub
  readonly health: ApiHealth
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

const bodyMax = '64kb'

/** The application, without a port to listen on. */
export function createApp(deps: ApiDeps): Express {
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  // Not `extended`: a name that comes twice is a list and refused, and no name makes an object.
  app.set('query parser', 'simple')
  app.use(createRequestTimer(deps.metrics))
  app.use(securityHeaders())
  for (const route of routesOf(deps)) mount(app, route)
  app.use(pageRouter())
  app.use((request: Request) => {
    throw notFound(`Nothing is at ${request.path.slice(0, 200)}.`)
  })
  app.use(createErrorMiddleware(deps.logger))
  return app
}

/** Every route, described: what is mounted, documented and tested. */
export function routesOf(deps: ApiDeps): readonly Route[] {
  const { serving, clock } = deps
  const progress = () => serving.progress()
  const progressWait = new ProgressWait({ progress, pollMs: 10, clock })
  const routes: readonly Route[] = [
    ...deviceRoutes({ serving, progressWait }),
    ...faultRoutes({ serving, progressWait, clock }),
    ...eventRoutes({ serving, progressWait }),
    ...historyRoutes(deps),
    liveRoute(deps.hub),
    measurementRoute(deps.intake),
    ...operationsRoutes(deps),
  ]
  const document = openApiOf(routes)
  return [
    ...routes,
    documentRoute({
      path: '/openapi.json',
      summary: 'This API as OpenAPI 3.1',
      mediaType: 'application/json',
      render: () => JSON.stringify(document),
    }),
    documentRoute({
      path: '/docs',
      summary: 'This API to read',
      mediaType: 'text/html',
      render: () => referencePage(document),
    }),
    documentRoute({
      path: '/docs/errors',
      summary: 'The error codes, and what to do about each',
      mediaType: 'text/html',
      render: errorPage,
    }),
  ]
}

function securityHeaders(): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // The API speaks plain HTTP on loopback; who puts TLS in front of it also sets this.
    strictTransportSecurity: false,
  }) as RequestHandler
}

function mount(app: Express, route: Route): void {
  const path = expressPath(route)
  const handlers = route.kind === 'raw' ? [route.handle] : jsonHandlers(route)
  app[route.method](path, ...handlers)
  app.all(path, (_request: Request, response: Response) => {
    const allowed = route.method === 'get' ? 'GET, HEAD' : 'POST'
    response.setHeader('Allow', allowed)
    throw new FaultlineError('METHOD_NOT_ALLOWED', `This address takes ${allowed}.`)
  })
}

function jsonHandlers(route: JsonRoute): readonly RequestHandler[] {
  const answer: RequestHandler = async (request, response) => {
    sendAnswer(request, response, await route.handle(validRequest(route, request)))
  }
  return route.body === undefined ? [answer] : [onlyJson, express.json({ limit: bodyMax }), answer]
}

const onlyJson: RequestHandler = (request, _response, next) => {
  if (request.is('application/json') === false) {
    throw new FaultlineError('MEDIA_TYPE_UNSUPPORTED', 'The body has to be application/json.')
  }
  next()
}

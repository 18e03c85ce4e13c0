import type { RequestListener } from 'node:http'
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import type { Clock } from '@faultline/runtime/clock'
import { FaultlineError } from '@faultline/runtime/errors'
import type { Logger } from '@faultline/runtime/logging'
import type { Metrics } from '@faultline/runtime/metrics'
import { errorPage } from './docs/error-page.ts'
import { openApiOf } from './docs/openapi.ts'
import { referencePage } from './docs/reference-page.ts'
import type { ApiHealth } from './health.ts'
import { createDirect } from './http/direct.ts'
import { notFound } from './http/problem.ts'
import { createRequestTimer, type RequestTimer } from './http/request-timer.ts'
import { expressPath, type JsonRoute, type Route } from './http/route.ts'
import { securityHeaders, setHeaders, type HeaderList } from './http/security-headers.ts'
import { createProblemSender, type ProblemSender } from './http/send-problem.ts'
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

/** What both ways through the application share. */
interface Parts {
  readonly routes: readonly Route[]
  readonly time: RequestTimer
  readonly security: HeaderList
  readonly sendProblem: ProblemSender
}

export interface App {
  /** Answers every request. */
  readonly listener: RequestListener
  /** The same without the short cut. */
  readonly express: Express
}

/** The application, without a port to listen on. */
export function createApp(deps: ApiDeps): App {
  const parts: Parts = {
    routes: routesOf(deps),
    time: createRequestTimer(deps.metrics),
    security: securityHeaders(),
    sendProblem: createProblemSender(deps.logger),
  }
  const app = createExpress(parts)
  const direct = createDirect(parts.routes, parts)
  return {
    listener: (request, response) => {
      if (!direct(request, response)) app(request, response)
    },
    express: app,
  }
}

function createExpress({ routes, time, security, sendProblem }: Parts): Express {
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  // Not `extended`: a name that comes twice is a list and refused, and no name makes an object.
  app.set('query parser', 'simple')
  app.use((request, response, next) => {
    time(request, response, () => (request.route as { readonly path: string } | undefined)?.path)
    setHeaders(response, security)
    next()
  })
  for (const route of routes) mount(app, route)
  app.use(pageRouter())
  app.use((request: Request) => {
    throw notFound(`Nothing is at ${request.path.slice(0, 200)}.`)
  })
  app.use(((thrown: unknown, request, response, next) => {
    if (response.headersSent) next(thrown)
    else sendProblem(request, response, thrown, request.path)
  }) as ErrorRequestHandler)
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

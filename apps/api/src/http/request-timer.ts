import type { RequestHandler } from 'express'
import type { Metrics } from '@faultline/runtime/metrics'

/** Measures every request by its route. Paths that lead nowhere share one label, so that callers cannot make up series. */
export function createRequestTimer(metrics: Metrics): RequestHandler {
  const histogram = metrics.histogram('faultline_http_request_seconds')
  return (request, response, next) => {
    const begun = performance.now()
    response.on('finish', () => {
      const route = request.route as { readonly path: string } | undefined
      histogram.observe(
        { method: request.method, route: route?.path ?? 'none', status: response.statusCode },
        (performance.now() - begun) / 1_000,
      )
    })
    next()
  }
}

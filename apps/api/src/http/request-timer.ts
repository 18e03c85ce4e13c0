import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Metrics } from '@faultline/runtime/metrics'

/** `routePath` is asked when the answer is out; undefined is a path that leads nowhere. */
export type RequestTimer = (
  request: IncomingMessage,
  response: ServerResponse,
  routePath: () => string | undefined,
) => void

/** Measures every request by its route. Paths that lead nowhere share one label, so that callers cannot make up series. */
export function createRequestTimer(metrics: Metrics): RequestTimer {
  const histogram = metrics.histogram('faultline_http_request_seconds')
  return ({ method = '' }, response, routePath) => {
    const begun = performance.now()
    response.on('finish', () => {
      histogram.observe(
        { method, route: routePath() ?? 'none', status: response.statusCode },
        (performance.now() - begun) / 1_000,
      )
    })
  }
}

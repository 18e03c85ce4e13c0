import type { IncomingMessage, ServerResponse } from 'node:http'
import { FaultlineError } from '@faultline/runtime/errors'
import type { Logger } from '@faultline/runtime/logging'
import { problemOf, type HttpErrorCode } from './problem.ts'

const requestIdPattern = /^[\w.:-]{1,64}$/
let served = 0
const boot = Date.now().toString(36)

/** The caller's X-Request-Id where it is harmless to log, else one of ours. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  if (typeof given === 'string' && requestIdPattern.test(given)) return given
  served += 1
  return `${boot}-${served.toString(36)}`
}

/** Answers with what was thrown while a request for `path` was served. */
export type ProblemSender = (
  request: IncomingMessage,
  response: ServerResponse,
  thrown: unknown,
  path: string,
) => void

/** Turns every error into problem+json, in this one place. What a caller did not cause is logged under the request's id. */
export function createProblemSender(logger: Logger): ProblemSender {
  return (request, response, thrown, path) => {
    const error = refusalOf(thrown)
    const problem = problemOf(error, requestIdOf(request))
    // A back end that is away has said so once by itself; a line for every request would drown the rest.
    if (problem.status >= 500) {
      const level = problem.code === 'INTERNAL_ERROR' ? 'error' : 'debug'
      logger[level]({ err: thrown, request_id: problem.request_id, path }, problem.title)
    }
    response.statusCode = problem.status
    response.setHeader('X-Request-Id', problem.request_id)
    response.setHeader('Cache-Control', 'no-store')
    response.setHeader('Content-Type', 'application/problem+json; charset=utf-8')
    if (problem.status === 429 || problem.status === 503) response.setHeader('Retry-After', '1')
    response.end(JSON.stringify(problem))
  }
}

const codeByStatus: Readonly<Record<number, HttpErrorCode>> = {
  400: 'ARGUMENT_INVALID',
  404: 'NOT_FOUND',
  413: 'BODY_TOO_LARGE',
  415: 'MEDIA_TYPE_UNSUPPORTED',
}

/** The errors that Express, its router and its body reader raise carry a status; those of the caller keep their meaning. */
function refusalOf(thrown: unknown): unknown {
  if (thrown instanceof FaultlineError) return thrown
  if (!(thrown instanceof Error) || !('status' in thrown)) return thrown
  const code = codeByStatus[Number(thrown.status)]
  if (code === undefined) return thrown
  return new FaultlineError(code, sentenceOf(thrown), { cause: thrown })
}

function sentenceOf(error: Error): string {
  const type = 'type' in error ? error.type : undefined
  switch (type) {
    case 'entity.parse.failed':
      return 'The body is not JSON.'
    case 'entity.too.large':
      return 'The body is larger than 64 KiB.'
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return 'The encoding of the body is not read here.'
    default:
      return error instanceof URIError
        ? 'The path is not valid percent-encoded UTF-8.'
        : 'The request cannot be read.'
  }
}

import { errorCatalogue, FaultlineError, type ErrorCode } from '@faultline/runtime/errors'

type WithStatus<C extends ErrorCode> = C extends ErrorCode
  ? (typeof errorCatalogue)[C] extends { readonly httpStatus: number }
    ? C
    : never
  : never

/** The codes that an HTTP caller can meet. */
export type HttpErrorCode = WithStatus<ErrorCode>

/** What each code says to a caller of the API: its title, and what to do about it. Shown at /docs/errors. */
export const problemTexts: Readonly<Record<HttpErrorCode, { title: string; remedy: string }>> = {
  ARGUMENT_INVALID: {
    title: 'The request is not valid',
    remedy: 'Correct the fields named in `errors`; /openapi.json lists what each accepts.',
  },
  NOT_FOUND: {
    title: 'There is nothing at this address',
    remedy: 'Check the id or path. A device appears once its first measurement has been applied.',
  },
  METHOD_NOT_ALLOWED: {
    title: 'The method does not apply to this address',
    remedy: 'Use one of the methods in the `Allow` header.',
  },
  OFFSET_NOT_REACHED: {
    title: 'The asked-for offset has not been applied yet',
    remedy: 'Ask again, or leave out min_offset to take what is there.',
  },
  BODY_TOO_LARGE: {
    title: 'The request body is too large',
    remedy: 'Split the request; `detail` says what a body may have.',
  },
  MEDIA_TYPE_UNSUPPORTED: {
    title: 'The body has a media type or encoding that is not read here',
    remedy:
      'Send JSON in UTF-8 with `content-type: application/json`, measurements also as `application/x-ndjson` or packed by gzip.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    title: 'The Idempotency-Key belongs to another request',
    remedy: 'Take a new key for each body, and the same only to send the same body again.',
  },
  RATE_LIMITED: {
    title: 'Too many requests',
    remedy: 'Wait for the seconds given in `Retry-After`.',
  },
  INGEST_BUSY: {
    title: 'More measurements are coming in than can be held',
    remedy:
      'Send the same again after the seconds given in `Retry-After`; nothing of it was taken.',
  },
  SERVING_STORE_UNAVAILABLE: {
    title: 'Redis does not answer',
    remedy: 'Ask again soon. The address is REDIS_URL; the process log says why it failed.',
  },
  WAREHOUSE_UNAVAILABLE: {
    title: 'ClickHouse does not answer',
    remedy:
      'Rankings and summaries still work. The address is CLICKHOUSE_URL; the process log says why it failed.',
  },
  BROKER_UNAVAILABLE: { title: 'Kafka does not answer', remedy: 'Ask again soon.' },
  REGISTRY_UNAVAILABLE: { title: 'The schema registry does not answer', remedy: 'Ask again soon.' },
  DATABASE_UNAVAILABLE: { title: 'PostgreSQL does not answer', remedy: 'Ask again soon.' },
  DEADLINE_EXCEEDED: {
    title: 'The answer took too long',
    remedy: 'Ask for a shorter time range or a coarser granularity.',
  },
  INTERNAL_ERROR: {
    title: 'Something is wrong inside the service',
    remedy: 'Report the request_id; the log has the cause under the same id.',
  },
}

/** One thing wrong with a request. `pointer` is a JSON pointer into `{params, query, body}`. */
export interface FieldProblem {
  readonly pointer: string
  readonly detail: string
}

/** The body of every error, RFC 9457. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: HttpErrorCode
  readonly request_id: string
  readonly errors?: readonly FieldProblem[]
}

function isHttpErrorCode(code: ErrorCode): code is HttpErrorCode {
  return code in problemTexts
}

export function httpStatusOf(code: HttpErrorCode): number {
  return errorCatalogue[code].httpStatus
}

/** Refuses a request and names each field that is wrong. */
export function invalidArgument(errors: readonly FieldProblem[]): FaultlineError {
  const detail = errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; ')
  return new FaultlineError('ARGUMENT_INVALID', detail, { context: { errors } })
}

export function notFound(detail: string): FaultlineError {
  return new FaultlineError('NOT_FOUND', detail)
}

/** Builds the body. Codes that no caller can meet, and unknown errors, become INTERNAL_ERROR without their text. */
export function problemOf(error: unknown, requestId: string): Problem {
  const known = error instanceof FaultlineError && isHttpErrorCode(error.code) ? error : null
  const code = known === null ? 'INTERNAL_ERROR' : (known.code as HttpErrorCode)
  const { title, remedy } = problemTexts[code]
  const errors = known?.context['errors'] as readonly FieldProblem[] | undefined
  return {
    type: `/docs/errors#${code}`,
    title,
    status: httpStatusOf(code),
    detail: known === null || httpStatusOf(code) >= 500 ? remedy : callerDetail(known),
    code,
    request_id: requestId,
    ...(errors === undefined ? {} : { errors }),
  }
}

/** The message without the code in front, which the body carries in its own field. */
function callerDetail(error: FaultlineError): string {
  return error.message.slice(error.code.length + 2)
}

/** What a request's query string asks for, sorted by what is done with it. */
export interface RequestParameters {
  /** The statement, when it is in the address rather than in the body. */
  readonly query: string | null
  readonly queryId: string | null
  readonly database: string
  /** Format of the answer when the statement names none. */
  readonly format: string
  /** Values of `{name:Type}`, in ClickHouse's escaped text form, as clients send them. */
  readonly parameters: ReadonlyMap<string, string>
  readonly settings: ReadonlyMap<string, string>
}

/**
 * Parameters of ClickHouse's HTTP layer that are no settings of the engine, or that mean nothing here: there is one user, a
 * request has its session for itself, and an answer is complete before its first byte is sent. Inserts are always
 * synchronous, so that an acknowledged row is in a part.
 */
const ofTheHttpLayer = new Set([
  'query',
  'query_id',
  'database',
  'default_format',
  'user',
  'password',
  'role',
  'quota_key',
  'session_id',
  'session_timeout',
  'session_check',
  'close_session',
  'compress',
  'decompress',
  'buffer_size',
  'wait_end_of_query',
  'stacktrace',
  'client_protocol_version',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'http_wait_end_of_query',
  'http_response_buffer_size',
  'enable_http_compression',
  'http_zlib_compression_level',
  'add_http_cors_header',
  'cancel_http_readonly_queries_on_client_close',
  'async_insert',
  'wait_for_async_insert',
])

const parameterPrefix = 'param_'
const identifier = /^[A-Za-z_]\w*$/

/** @throws RangeError naming what is not an identifier */
export function readRequestParameters(search: URLSearchParams): RequestParameters {
  const parameters = new Map<string, string>()
  const settings = new Map<string, string>()
  for (const [name, value] of search) {
    if (ofTheHttpLayer.has(name)) continue
    const isParameter = name.startsWith(parameterPrefix)
    const key = isParameter ? name.slice(parameterPrefix.length) : name
    if (!identifier.test(key)) throw new RangeError(`'${name}' is not a name`)
    if (isParameter) parameters.set(key, value)
    else settings.set(key, value)
  }
  return {
    query: search.get('query'),
    queryId: search.get('query_id'),
    database: search.get('database') ?? 'default',
    format: search.get('default_format') ?? 'TabSeparated',
    parameters,
    settings,
  }
}

/** A string literal of ClickHouse's SQL. */
export function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** Names in `{name:Type}` placeholders of a statement that `parameters` does not give; strings in it are passed over. */
export function missingParameters(
  statement: string,
  parameters: ReadonlyMap<string, string>,
): readonly string[] {
  const withoutStrings = statement.replaceAll(/'(?:[^'\\]|\\.|'')*'/gs, "''")
  const named = [...withoutStrings.matchAll(/\{\s*([A-Za-z_]\w*)\s*:/g)].map(
    ([, name]) => name ?? '',
  )
  return named.filter((name) => !parameters.has(name))
}

import { randomUUID } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Engine, StatementResult } from './engine.ts'
import { exception, fromFailure, RequestRefused, type ServerException } from './exception.ts'
import { parseInsertWithData } from './insert-statement.ts'
import { readBody, saveBody } from './request-body.ts'
import {
  missingParameters,
  quote,
  readRequestParameters,
  type RequestParameters,
} from './request-parameters.ts'

interface EndpointOptions {
  readonly engine: Pick<Engine, 'run'>
  /** Folder for the rows of INSERTs under way; emptied at the start. */
  readonly bodiesFolder: string
  /** Longest request body after decompression. */
  readonly bodyBytesMax: number
  readonly onBroken: (error: unknown) => void
}

/** ABORTED: also what every statement gets once the engine has broken down. */
const aborted = 236
const readonlyViolation = 164
const substitutionNotSet = 456
const readingStatements = /^[\s(]*(?:SELECT|WITH|SHOW|DESC|DESCRIBE|EXPLAIN|EXISTS)\b/i

/** ClickHouse's HTTP interface, as far as its clients use it, over an engine in this process. */
export async function createEndpoint(options: EndpointOptions): Promise<Server> {
  await rm(options.bodiesFolder, { recursive: true, force: true })
  await mkdir(options.bodiesFolder, { recursive: true })
  return createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      if (!(error instanceof RequestRefused)) options.onBroken(error)
      response.destroy()
    })
  })
}

async function answer(
  options: EndpointOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://endpoint')
  if (url.pathname === '/ping' || (request.method === 'GET' && url.search === '')) {
    response.writeHead(200, { 'content-type': 'text/plain; charset=UTF-8' }).end('Ok.\n')
    return
  }
  const queryId = url.searchParams.get('query_id') ?? randomUUID()
  try {
    const parameters = readRequestParameters(url.searchParams)
    const result = await execute(options, request, parameters)
    response.writeHead(200, {
      'content-type': contentType(parameters.format),
      'content-length': result.bytes.length,
      'x-clickhouse-query-id': queryId,
      'x-clickhouse-format': parameters.format,
      'x-clickhouse-timezone': 'UTC',
      'x-clickhouse-summary': summary(result),
    })
    response.end(result.bytes)
  } catch (error) {
    if (request.destroyed && !request.complete) return
    const refused = toException(error)
    request.resume()
    response.writeHead(refused.httpStatus, {
      'content-type': 'text/plain; charset=UTF-8',
      'x-clickhouse-query-id': queryId,
      'x-clickhouse-exception-code': refused.code,
      // A refused body is not read to its end.
      ...(request.complete ? {} : { connection: 'close' }),
    })
    response.end(`${refused.text}\n`)
    if (refused.code === aborted) await reportIfBroken(options)
  }
}

async function execute(
  options: EndpointOptions,
  request: IncomingMessage,
  parameters: RequestParameters,
): Promise<StatementResult> {
  const statement = parameters.query
  const insert = statement === null ? null : parseInsertWithData(statement)
  if (request.method === 'GET' && !readingStatements.test(statement ?? '')) {
    throw new RequestRefused(
      exception(readonlyViolation, 'Cannot execute a writing query with GET', 'READONLY'),
    )
  }
  if (insert !== null) {
    return await withBodyFile(options, async (path) => {
      const bytes = await saveBody(request, path, options.bodyBytesMax)
      return bytes === 0 ? nothing : insertFile(options, parameters, { ...insert, path })
    })
  }
  const body = await readBody(request, options.bodyBytesMax)
  const head = parseInsertWithData(body.subarray(0, statementBytesMax).toString('latin1'))
  if (statement === null && head !== null) {
    return await withBodyFile(options, async (path) => {
      const data = body.subarray(head.length)
      if (data.length === 0) return nothing
      await writeFile(path, data, { flag: 'wx' })
      const utf8 = Buffer.from(head.head, 'latin1').toString('utf8')
      return insertFile(options, parameters, { head: utf8, format: head.format, path })
    })
  }
  const sql = [statement, body.toString('utf8')].filter((part) => part !== null && part !== '')
  return await run(options, parameters, sql.join('\n'))
}

/** How far into a body its INSERT statement may reach. */
const statementBytesMax = 262_144

const nothing: StatementResult = { bytes: new Uint8Array(), elapsedMs: 0 }

/**
 * The rows go through a file: text after the statement would have to be free of what ends a statement there, which binary
 * formats are not, and the engine reads a file several times faster than a statement of the same length.
 */
function insertFile(
  options: EndpointOptions,
  parameters: RequestParameters,
  insert: { readonly head: string; readonly format: string; readonly path: string },
): Promise<StatementResult> {
  const source = `file(${quote(insert.path)}, ${quote(insert.format)})`
  return run(options, parameters, `${insert.head} SELECT * FROM ${source}`)
}

function run(
  { engine }: EndpointOptions,
  request: RequestParameters,
  sql: string,
): Promise<StatementResult> {
  const { database, format, parameters, settings } = request
  const [missing] = missingParameters(sql, parameters)
  if (missing !== undefined) {
    throw new RequestRefused(
      exception(
        substitutionNotSet,
        `Substitution \`${missing}\` is not set.`,
        'UNKNOWN_QUERY_PARAMETER',
      ),
    )
  }
  return engine.run({ sql, database, format, parameters, settings })
}

async function withBodyFile<T>(
  { bodiesFolder }: EndpointOptions,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(bodiesFolder, randomUUID())
  try {
    return await work(path)
  } finally {
    await rm(path, { force: true })
  }
}

/** An engine that has broken down answers nothing any more; the process has to be started anew. */
async function reportIfBroken({ engine, onBroken }: EndpointOptions): Promise<void> {
  const probe = { database: 'default', format: 'TabSeparated' }
  try {
    await engine.run({ ...probe, sql: 'SELECT 1', parameters: new Map(), settings: new Map() })
  } catch (error) {
    onBroken(error)
  }
}

function toException(error: unknown): ServerException {
  if (error instanceof RequestRefused) return error.exception
  if (error instanceof RangeError) return exception(62, error.message, 'SYNTAX_ERROR')
  return fromFailure(error)
}

function contentType(format: string): string {
  if (format === 'JSONEachRow' || format === 'JSONCompactEachRow') return 'application/x-ndjson'
  if (format.startsWith('JSON')) return 'application/json; charset=UTF-8'
  if (format.startsWith('CSV')) return 'text/csv; charset=UTF-8'
  if (format.startsWith('TabSeparated') || format.startsWith('TSV')) {
    return 'text/tab-separated-values; charset=UTF-8'
  }
  return 'application/octet-stream'
}

/** The engine tells the time and the size of the answer only; the rest is nought, as the client expects every field. */
function summary({ bytes, elapsedMs }: StatementResult): string {
  return JSON.stringify({
    read_rows: '0',
    read_bytes: '0',
    written_rows: '0',
    written_bytes: '0',
    total_rows_to_read: '0',
    result_rows: '0',
    result_bytes: String(bytes.length),
    elapsed_ns: String(Math.round(elapsedMs * 1e6)),
  })
}

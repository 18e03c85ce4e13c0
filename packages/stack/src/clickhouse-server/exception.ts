import { messageOf, systemCode } from '@faultline/runtime/errors'

/** An error in ClickHouse's own terms, as its HTTP interface shows it. */
export interface ServerException {
  /** ClickHouse's number of the error, for example 60 for UNKNOWN_TABLE. */
  readonly code: number
  /** `Code: 60. DB::Exception: … (UNKNOWN_TABLE)`, without a line break at the end. */
  readonly text: string
  readonly httpStatus: number
}

/** Statuses of ClickHouse's HTTPHandler for the codes a client is likely to meet; anything else is a 500. */
const statusOfCode = new Map<number, number>([
  ...[6, 26, 27, 32, 33, 36, 38, 41, 43, 53, 62, 69, 70, 72, 130, 456, 457].map(
    (code) => [code, 400] as const,
  ),
  ...[16, 46, 47, 50, 56, 60, 73, 81, 115, 170].map((code) => [code, 404] as const),
  [48, 501],
  [164, 403],
  [202, 503],
  [307, 413],
])

const unknownException = 1002
const notEnoughSpace = 243

/** Reads what the engine threw. The engine gives text only, so this is the one place where text is classified. */
export function fromEngine(message: string): ServerException {
  const match = /Code: (\d+)\. (?:DB::)?Exception: /.exec(message)
  if (match === null) return exception(unknownException, message, 'UNKNOWN_EXCEPTION')
  const code = Number(match[1])
  return {
    code,
    text: message.slice(match.index).trim(),
    httpStatus: statusOfCode.get(code) ?? 500,
  }
}

/** What went wrong outside of the engine: a request is kept in a file before it is handed over, and the disk may be full. */
export function fromFailure(error: unknown): ServerException {
  const message = messageOf(error)
  return systemCode(error) === 'ENOSPC'
    ? exception(notEnoughSpace, message, 'NOT_ENOUGH_SPACE')
    : fromEngine(message)
}

export function exception(code: number, message: string, name: string): ServerException {
  return {
    code,
    text: `Code: ${code}. DB::Exception: ${message} (${name})`,
    httpStatus: statusOfCode.get(code) ?? 500,
  }
}

/** Carries a ServerException through promises. */
export class RequestRefused extends Error {
  readonly exception: ServerException

  constructor(refusal: ServerException) {
    super(refusal.text)
    this.exception = refusal
  }
}

import { errorCatalogue, type ErrorCode, type ErrorEntry } from './error-catalogue.ts'

interface ErrorDetail {
  readonly cause?: unknown
  /** Structured facts for the log. Never row data, never secrets. */
  readonly context?: Readonly<Record<string, unknown>>
  /** What the reader can do about it, one sentence. */
  readonly remedy?: string
}

/**
 * The one error class for a world that failed. The message starts with the code, because that is what tools show.
 * A programming mistake is an ordinary Error from `assert`, and always fatal.
 */
export class FaultlineError extends Error {
  readonly code: ErrorCode
  readonly context: Readonly<Record<string, unknown>>
  readonly remedy: string | undefined

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(`${code}: ${message}`, { cause: detail.cause })
    this.name = 'FaultlineError'
    this.code = code
    this.context = detail.context ?? {}
    this.remedy = detail.remedy
  }

  get disposition(): ErrorEntry['disposition'] {
    return errorCatalogue[this.code].disposition
  }
}

export function isFaultlineError(error: unknown, code?: ErrorCode): error is FaultlineError {
  return error instanceof FaultlineError && (code === undefined || error.code === code)
}

/** The system's code of an error (`ECONNREFUSED`, `28P01`, …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

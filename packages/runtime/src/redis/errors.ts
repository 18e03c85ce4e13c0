import { ReplyError } from 'ioredis'
import { FaultlineError, systemCode } from '../errors/index.ts'

/** Replies of a server that is starting, failing over, full, or busy with a script: it may serve later. */
const laterCodes = new Set([
  'LOADING',
  'BUSY',
  'READONLY',
  'MASTERDOWN',
  'NOREPLICAS',
  'OOM',
  'MISCONF',
  'TRYAGAIN',
  'CLUSTERDOWN',
  'UNBLOCKED',
])
const accessCodes = new Set(['NOAUTH', 'WRONGPASS', 'NOPERM'])

/** The error code of a Redis reply: by protocol its first word. Undefined for anything that is not a reply. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof (ReplyError as new () => Error))) return undefined
  return error.message.split(' ', 1)[0]
}

/**
 * A client error as ours. Anything but a reply comes from the connection (ioredis gives those plain Errors without a code);
 * mistakes of the program (TypeError and the like) and replies of an unknown code are handed back as they are: fatal.
 */
export function asServingStoreError(error: unknown, operation: string): unknown {
  if (error instanceof FaultlineError) return error
  const code = replyCode(error)
  if (code === undefined) {
    const fromConnection =
      systemCode(error) !== undefined ||
      (error instanceof Error && ['Error', 'AbortError'].includes(error.name)) ||
      (error instanceof Error && error.name === 'MaxRetriesPerRequestError')
    return fromConnection ? unavailable(error, operation) : error
  }
  if (laterCodes.has(code)) return unavailable(error, operation, code)
  if (!accessCodes.has(code)) return error
  return new FaultlineError('CONFIG_INVALID', `Redis refuses access (${code}) for ${operation}`, {
    cause: error,
    remedy: 'Give user and password in REDIS_URL: redis://user:password@host:port.',
  })
}

export function unavailable(cause: unknown, operation: string, code?: string): FaultlineError {
  return new FaultlineError(
    'SERVING_STORE_UNAVAILABLE',
    `Redis did not serve ${operation}${code === undefined ? '' : ` (${code})`}`,
    {
      cause,
      remedy: 'It is tried again; check that Redis runs and that REDIS_URL is right.',
    },
  )
}

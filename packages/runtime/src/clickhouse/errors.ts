import { ClickHouseError } from '@clickhouse/client'
import { FaultlineError, messageOf, systemCode } from '../errors/index.ts'

/** Node's codes for a server that is away or went away. */
const awayCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ERR_STREAM_PREMATURE_CLOSE',
])

/** ClickHouse's codes for: not now. */
const laterCodes = new Set([
  '159', // TIMEOUT_EXCEEDED
  '202', // TOO_MANY_SIMULTANEOUS_QUERIES
  '203', // NO_FREE_CONNECTION
  '209', // SOCKET_TIMEOUT
  '210', // NETWORK_ERROR
  '236', // ABORTED
  '241', // MEMORY_LIMIT_EXCEEDED
  '242', // TABLE_IS_READ_ONLY
  '252', // TOO_MANY_PARTS
  '394', // QUERY_WAS_CANCELLED
  '439', // CANNOT_SCHEDULE_TASK
  '745', // SERVER_OVERLOADED
])

const accessCodes = new Set([
  '192', // UNKNOWN_USER
  '193', // WRONG_PASSWORD
  '194', // REQUIRED_PASSWORD
  '497', // ACCESS_DENIED
  '516', // AUTHENTICATION_FAILED
])

const notEnoughSpace = '243'

/** Codes under which the system's own errors with files come, of a full disk and of a broken one. */
const fileCodes = new Set([
  '75', // CANNOT_WRITE_TO_FILE_DESCRIPTOR
  '76', // CANNOT_OPEN_FILE
  '1000', // POCO_EXCEPTION
  '1001', // STD_EXCEPTION
])
/** ENOSPC, as ClickHouse, the C++ library and Poco write it. */
const noSpace = /\berrno: 28\b|no space left on device/i

/**
 * Anything the ClickHouse client threw as the product's error: WAREHOUSE_UNAVAILABLE, CONFIG_INVALID or DISK_FULL.
 * What is not classified comes back unchanged, and is fatal. `timedOut`: our own deadline ended the request.
 */
export function fromClickhouse(error: unknown, operation: string, timedOut = false): unknown {
  if (error instanceof FaultlineError) return error
  const code = error instanceof ClickHouseError ? error.code : systemCode(error)
  if (isDiskFull(code, error)) {
    return new FaultlineError('DISK_FULL', `ClickHouse has no disk space left for ${operation}`, {
      cause: error,
      remedy: 'Free space on the disk of the ClickHouse data folder.',
    })
  }
  if (code !== undefined && accessCodes.has(code)) {
    return new FaultlineError('CONFIG_INVALID', `ClickHouse refused us: ${messageOf(error)}`, {
      cause: error,
      context: { code },
      remedy: 'Give user and password in CLICKHOUSE_URL: http://user:password@host:port.',
    })
  }
  if (timedOut || (code !== undefined && (awayCodes.has(code) || laterCodes.has(code)))) {
    return new FaultlineError('WAREHOUSE_UNAVAILABLE', `ClickHouse did not serve ${operation}`, {
      cause: error,
      context: { code, timedOut },
      remedy: 'Check that the server of CLICKHOUSE_URL runs and can be reached.',
    })
  }
  return error
}

function isDiskFull(code: string | undefined, error: unknown): boolean {
  if (code === notEnoughSpace || code === 'ENOSPC') return true
  return code !== undefined && fileCodes.has(code) && noSpace.test(messageOf(error))
}

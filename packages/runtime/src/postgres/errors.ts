import { FaultlineError, isFaultlineError, messageOf, systemCode } from '../errors/index.ts'

/** Codes of Node and of SQLSTATE class 57P and 53 that mean: the server is away or cannot take us now. */
const unavailable = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '53300', // too_many_connections
  '08000',
  '08003',
  '08006',
])

/** Wrong user, password or database: waiting does not help. */
const refused = new Set(['28000', '28P01', '3D000', '42501'])

const diskFull = '53100'

/** Whether waiting and connecting anew may help. */
function isPostgresUnavailable(error: unknown): boolean {
  const code = systemCode(error)
  return code !== undefined && unavailable.has(code)
}

/**
 * Turns anything a PostgreSQL client threw into the product's error: DATABASE_UNAVAILABLE, CONFIG_INVALID or DISK_FULL.
 * What is not classified comes back unchanged, and is fatal.
 */
export function fromPostgres(error: unknown): unknown {
  if (isFaultlineError(error)) return error
  const code = systemCode(error)
  if (code === diskFull) {
    return new FaultlineError('DISK_FULL', 'PostgreSQL has no disk space left', {
      cause: error,
      remedy: 'Free space on the disk of the PostgreSQL data folder.',
    })
  }
  if (code !== undefined && refused.has(code)) {
    return new FaultlineError('CONFIG_INVALID', `PostgreSQL refused us: ${messageOf(error)}`, {
      cause: error,
      context: { sqlstate: code },
      remedy: 'Check the user, password and database in DATABASE_URL.',
    })
  }
  if (isPostgresUnavailable(error)) {
    return new FaultlineError('DATABASE_UNAVAILABLE', 'PostgreSQL does not answer', {
      cause: error,
      context: { code },
      remedy: 'Check that the server of DATABASE_URL runs and can be reached.',
    })
  }
  return error
}

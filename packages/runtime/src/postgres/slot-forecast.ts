import { statfs } from 'node:fs/promises'
import type { PostgresConnection } from './connection.ts'
import type { SlotStatus } from './slot-status.ts'

/** When the slot was looked at, ms of any clock that only goes forward, and what was seen. */
export interface SlotSample {
  readonly atMs: number
  readonly status: SlotStatus
  /** Free bytes of the disk that holds the log; null where nobody here can know. */
  readonly diskFreeBytes: number | null
}

export interface SlotForecast {
  /** Log the slot can still hold back before the disk is full or the server gives the slot up; null: nothing known limits it. */
  readonly roomBytes: number | null
  /** How fast what it holds back grew between the two samples; 0 where it did not. */
  readonly growthBytesPerSecond: number
  /** Until the room is used up at this rate; null: not at this rate, or no limit is known. */
  readonly secondsLeft: number | null
}

export function forecastSlot(earlier: SlotSample, later: SlotSample): SlotForecast {
  const limits = [later.diskFreeBytes, later.status.safe_wal_size].filter((room) => room !== null)
  const roomBytes = limits.length === 0 ? null : Math.max(0, Math.min(...limits))
  const seconds = (later.atMs - earlier.atMs) / 1_000
  const grown = (later.status.retained_bytes ?? 0) - (earlier.status.retained_bytes ?? 0)
  const growthBytesPerSecond = seconds > 0 ? Math.max(0, grown / seconds) : 0
  const isFinite = roomBytes !== null && growthBytesPerSecond > 0
  return {
    roomBytes,
    growthBytesPerSecond,
    secondsLeft: isFinite ? roomBytes / growthBytesPerSecond : null,
  }
}

const ownHosts = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Free bytes of the disk that holds the server's data. SQL cannot tell, so only a server on this machine can be looked at, by a
 * role that may see its settings; for any other it is null.
 */
export async function diskFreeOf(
  postgres: PostgresConnection,
  databaseUrl: string,
): Promise<number | null> {
  if (!ownHosts.has(new URL(databaseUrl).hostname)) return null
  const [row] = await postgres.query<{ folder: string | null }>(
    `select setting as folder from pg_settings where name = 'data_directory'`,
  )
  if (typeof row?.folder !== 'string') return null
  try {
    const { bavail, bsize } = await statfs(row.folder)
    return bavail * bsize
  } catch {
    return null
  }
}

import { replication } from '@faultline/contracts/postgres-migrations'
import type { PostgresConnection } from './connection.ts'

/** The replication slot as PostgreSQL sees it; sizes in bytes of its log. */
export interface SlotStatus {
  readonly slot: string
  readonly exists: boolean
  /** Somebody reads from it now. */
  readonly active: boolean
  /** `reserved`, `extended`, `unreserved`, or `lost`: the log it needs is gone. Null where there is no slot. */
  readonly wal_status: string | null
  /** Log that the server keeps for the slot. */
  readonly retained_bytes: number | null
  /** Log that can still be written before the slot is in danger; null where nothing limits it. */
  readonly safe_wal_size: number | null
  /** How far what was confirmed lies behind the end of the log. */
  readonly confirmed_flush_lag_bytes: number | null
  /** The place confirmed, as a number; null where there is no slot. */
  readonly confirmed_flush_lsn: number | null
}

interface SlotRow {
  readonly active: boolean
  readonly wal_status: string
  readonly retained: string | null
  readonly safe: string | null
  readonly lag: string | null
  readonly confirmed: string | null
}

export async function readSlotStatus(postgres: PostgresConnection): Promise<SlotStatus> {
  const [row] = await postgres.query<SlotRow>(
    `select active, wal_status, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::text as retained,
       safe_wal_size::text as safe, pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::text as lag,
       (confirmed_flush_lsn - '0/0'::pg_lsn)::text as confirmed
     from pg_replication_slots where slot_name = $1`,
    [replication.slot],
  )
  const bytes = (text: string | null | undefined) =>
    text === null || text === undefined ? null : Number(text)
  return {
    slot: replication.slot,
    exists: row !== undefined,
    active: row?.active ?? false,
    wal_status: row?.wal_status ?? null,
    retained_bytes: bytes(row?.retained),
    safe_wal_size: bytes(row?.safe),
    confirmed_flush_lag_bytes: bytes(row?.lag),
    confirmed_flush_lsn: bytes(row?.confirmed),
  }
}

/** Whether what was not read yet can still be read from it. */
export function isSlotUsable({ exists, wal_status }: SlotStatus): boolean {
  return exists && wal_status !== 'lost'
}

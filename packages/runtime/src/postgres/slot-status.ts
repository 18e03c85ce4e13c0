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
  /** End of the server's log, as a number: how fast it grows is how fast the slot's share can grow. */
  readonly end_lsn: number
}

interface SlotRow {
  readonly slot: string | null
  readonly active: boolean | null
  readonly wal_status: string | null
  readonly retained: string | null
  readonly end: string
  readonly safe: string | null
  readonly lag: string | null
  readonly confirmed: string | null
}

export async function readSlotStatus(postgres: PostgresConnection): Promise<SlotStatus> {
  const [row] = await postgres.query<SlotRow>(
    `select slot_name as slot, active, wal_status, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::text as retained,
       safe_wal_size::text as safe, pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::text as lag,
       (confirmed_flush_lsn - '0/0'::pg_lsn)::text as confirmed, (pg_current_wal_lsn() - '0/0'::pg_lsn)::text as end
     from (select) as one left join pg_replication_slots on slot_name = $1`,
    [replication.slot],
  )
  const bytes = (text: string | null | undefined) =>
    text === null || text === undefined ? null : Number(text)
  return {
    slot: replication.slot,
    exists: typeof row?.slot === 'string',
    active: row?.active ?? false,
    wal_status: row?.wal_status ?? null,
    retained_bytes: bytes(row?.retained),
    safe_wal_size: bytes(row?.safe),
    confirmed_flush_lag_bytes: bytes(row?.lag),
    confirmed_flush_lsn: bytes(row?.confirmed),
    end_lsn: bytes(row?.end) ?? 0,
  }
}

/** Whether what was not read yet can still be read from it. */
export function isSlotUsable({ exists, wal_status }: SlotStatus): boolean {
  return exists && wal_status !== 'lost'
}

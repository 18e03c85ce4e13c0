import type { PostgresConnection } from '@faultline/runtime/postgres'

/** How far one input is taken: a row of `ingest_ledger`, within its source. */
export interface LedgerEntry {
  /** What tells the input from others of its source: name and beginning of a file, idempotency key of a request. */
  readonly key: string
  /** How much of it is taken, in the unit of the source: bytes of a file, items of a request. */
  readonly position: number
  /** Measurements committed to PostgreSQL of the part that is taken. */
  readonly written: number
  /** Records refused of the part that is taken. */
  readonly rejected: number
  /** What the source needs to recognise the taken part, such as its digest. */
  readonly mark: string | null
  readonly completed: boolean
}

/** One step of an entry. `written` and `rejected` are those of this step; the entry adds them up. */
export interface LedgerChange extends LedgerEntry {
  /** The position the entry must still have; null for an input that the ledger must not know yet. */
  readonly from: number | null
}

interface StoredEntry extends Omit<LedgerEntry, 'position' | 'written' | 'rejected'> {
  /** The client gives a bigint as text. */
  readonly position: string
  readonly written: string
  readonly rejected: string
}

const entryColumns = 'key, position, written, rejected, mark, completed_at is not null as completed'

/**
 * The entries of these inputs, by key; one that the ledger does not know is not in the answer.
 * @throws FaultlineError DATABASE_UNAVAILABLE
 */
export async function readLedger(
  connection: PostgresConnection,
  source: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, LedgerEntry>> {
  const rows = await connection.query<StoredEntry>(
    `select ${entryColumns} from ingest_ledger where source = $1 and key = any($2)`,
    [source, keys],
  )
  const entries = rows.map(({ position, written, rejected, ...row }) => ({
    ...row,
    position: Number(position),
    written: Number(written),
    rejected: Number(rejected),
  }))
  return new Map(entries.map((entry) => [entry.key, entry]))
}

/**
 * Applies the changes that find their entry as they expect it, and returns the keys of the others. For use inside a transaction: whoever
 * changes the same entry meanwhile is waited for.
 */
export async function changeLedger(
  connection: PostgresConnection,
  source: string,
  changes: readonly LedgerChange[],
): Promise<readonly string[]> {
  // In one order for everyone, so that two transactions do not wait for each other in a circle.
  const ordered = changes.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  const rows = await connection.query<{ key: string }>(
    `with given as (
       select * from json_to_recordset($2) as given (
         key text, "from" bigint, position bigint, written bigint, rejected bigint, mark text, completed boolean
       )
     ), moved as (
       update ingest_ledger as entry
       set position = given.position,
           written = entry.written + given.written,
           rejected = entry.rejected + given.rejected,
           mark = given.mark,
           changed_at = now(),
           completed_at = case when given.completed then now() end
       from given
       -- Without the first condition every new input would be looked up here in vain.
       where given."from" is not null and entry.source = $1 and entry.key = given.key and entry.position = given."from"
       returning entry.key
     ), begun as (
       insert into ingest_ledger (source, key, position, written, rejected, mark, completed_at)
       select $1, key, position, written, rejected, mark, case when completed then now() end
       from given where "from" is null
       on conflict do nothing
       returning key
     )
     select key from given
     where key not in (select key from moved) and key not in (select key from begun)`,
    [source, JSON.stringify(ordered)],
  )
  return rows.map(({ key }) => key)
}

/**
 * Forgets the inputs of a source that have not changed for `keptHours`; one that comes again afterwards is taken as new.
 * Every source calls this now and then for itself, so that the ledger is bounded. Returns how many it deleted.
 * @throws FaultlineError DATABASE_UNAVAILABLE
 */
export async function pruneLedger(
  connection: PostgresConnection,
  source: string,
  keptHours: number,
): Promise<number> {
  const [deleted] = await connection.query<{ entries: number }>(
    `with deleted as (
       delete from ingest_ledger where source = $1 and changed_at < now() - make_interval(hours => $2) returning 1
     ) select count(*)::int as entries from deleted`,
    [source, keptHours],
  )
  return deleted?.entries ?? 0
}

import type { PostgresConnection } from '@faultline/runtime/postgres'

/** Months that exist before the first row of theirs comes: an insert then never makes one. */
const monthsAhead = 2

export interface MonthsKept {
  readonly made: number
  readonly dropped: readonly string[]
  /** Months due whose turn did not come, because others held the table; tried again in the next round. */
  readonly busy: readonly string[]
}

/**
 * One round: makes the months ahead, notes which months changed, and drops those that ended and last changed longer ago than the
 * retention. While `mayDrop` is false nothing is dropped: rows that were not captured yet are only here.
 */
export async function keepMonths(
  postgres: PostgresConnection,
  { retentionDays, mayDrop }: { readonly retentionDays: number; readonly mayDrop: boolean },
): Promise<MonthsKept> {
  const [made] = await postgres.query<{ made: number }>(
    `select faultline_ensure_partitions(now(), now() + make_interval(months => $1)) as made`,
    [monthsAhead],
  )
  await postgres.query('select faultline_note_partition_changes()')
  const due = mayDrop ? await monthsDue(postgres, retentionDays) : []
  const dropped: string[] = []
  const busy: string[] = []
  for (const month of due) {
    const [answer] = await postgres.query<{ done: boolean }>(
      'select faultline_drop_month($1) as done',
      [month],
    )
    const list = answer?.done === true ? dropped : busy
    list.push(month)
  }
  return { made: made?.made ?? 0, dropped, busy }
}

async function monthsDue(postgres: PostgresConnection, retentionDays: number): Promise<string[]> {
  const due = await postgres.query<{ partition: string }>(
    `select partition from faultline_months join faultline_partition_changes using (partition)
     where greatest(ends_at, changed_at) < now() - make_interval(days => $1) order by ends_at`,
    [retentionDays],
  )
  return due.map(({ partition }) => partition)
}

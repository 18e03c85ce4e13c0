import type { LedgerChange, LedgerEntry } from '@faultline/ingest/ledger'
import type { Patience } from '@faultline/ingest/patience'
import { failpoint } from '@faultline/runtime/failpoints'
import type { Database } from '../database.ts'
import type { Batch } from './batch.ts'

/** Of the collector's entries in the ledger. */
export const ledgerSource = 'files'

/** Somebody else moved the ledger: what was read ahead of it is of no use. */
export class LedgerMoved extends Error {
  constructor(keys: readonly string[]) {
    super(`another collector has taken ${keys.length} of the files: ${keys.slice(0, 3).join(', ')}`)
    this.name = 'LedgerMoved'
  }
}

/**
 * Makes a batch true: its rejected records on disk first, then rows and ledger in one transaction. Whatever of it a crash
 * leaves, the ledger says where to go on.
 * @throws LedgerMoved, the reason of a stop, and what does not pass by itself
 */
export async function commitBatch(
  batch: Batch,
  { database, patience }: { database: Database; patience: Patience },
): Promise<void> {
  failpoint('collector.batch-formed')
  await patience.until('room for rejected records', async () => {
    for (const part of batch.parts) {
      if (!part.isKept) await part.file.rejections.add(part.rejections)
      part.isKept = true
    }
  })
  failpoint('collector.rejections-kept')
  const { rows, changes } = batch
  const conflicts = await patience.until('PostgreSQL', () =>
    database.use(({ committer }) => committer.commit({ source: ledgerSource, rows, changes })),
  )
  const isOurs = changes.every((change) => isDone(change, conflicts.get(change.key)))
  if (conflicts.size > 0 && !isOurs) throw new LedgerMoved([...conflicts.keys()])
}

/** Whether the ledger has exactly what the change asked for: an attempt without an answer came through. */
function isDone(change: LedgerChange, stored: LedgerEntry | undefined): boolean {
  return (
    stored?.position === change.position &&
    stored.mark === change.mark &&
    stored.completed === change.completed
  )
}

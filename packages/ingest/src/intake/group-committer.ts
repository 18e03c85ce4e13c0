import type { Clock } from '@faultline/runtime/clock'
import {
  BatchCommitter,
  pruneLedger,
  type LedgerChange,
  type LedgerEntry,
} from '../ledger/index.ts'
import { MeasurementBatch } from '../measurements/index.ts'
import { PostgresSession, type Connect } from './postgres-session.ts'

/** What is to be committed for one caller, all of it or nothing. */
export interface Submitted {
  /** Given again, it is committed once. Null: each time it is given. */
  readonly key: string | null
  /** Tells what was given under the key from something else. */
  readonly mark: string | null
  readonly rows: MeasurementBatch
  readonly items: number
}

export interface Receipt {
  readonly written: number
  readonly rejected: number
  /** Committed before, under the same key; these are the counts and the mark of then. */
  readonly replayed: boolean
  readonly mark: string | null
}

interface GroupCommitterOptions {
  /** The ingest path, as the ledger knows it. */
  readonly source: string
  readonly connect: Connect
  readonly clock: Clock
  /** So long a key is known; null: whoever gives the keys forgets them as well (`pruneLedger`). */
  readonly keptHours: number | null
  /** Called after each commit with the rows it made durable. */
  readonly onCommit: (rows: number) => void
}

interface Pending extends Submitted {
  readonly resolve: (receipt: Receipt) => void
  readonly reject: (error: unknown) => void
}

/** Rows of a transaction that is shared; a submission with more has one of its own. */
const groupRowsMax = 10_000
const pruneEveryMs = 3_600_000

/**
 * Gathers the submissions of many callers into shared transactions: while one is on its way the next ones wait, and are then committed
 * together. So a lone caller waits for nobody, and many small ones cost few commits. How much waits is up to the callers.
 */
export class GroupCommitter {
  readonly #options: GroupCommitterOptions
  readonly #session: PostgresSession<BatchCommitter>
  readonly #group = new MeasurementBatch()
  readonly #byKey = new Map<string, Promise<Receipt>>()
  #queue: Pending[] = []
  #running: Promise<void> | undefined
  #prunedMs = Number.NEGATIVE_INFINITY

  constructor(options: GroupCommitterOptions) {
    this.#options = options
    this.#session = new PostgresSession(
      options.connect,
      (connection) => new BatchCommitter(connection),
    )
  }

  /**
   * Resolves when the rows are committed. A key that is on its way already waits for that, and is a replay then.
   * With DATABASE_UNAVAILABLE the outcome is open, as after any lost answer: who gave a key gives it again.
   * @throws FaultlineError DATABASE_UNAVAILABLE
   */
  async submit(submitted: Submitted): Promise<Receipt> {
    const { key } = submitted
    if (key === null) return this.#enqueue(submitted)
    const same = this.#byKey.get(key)
    if (same !== undefined) return { ...(await same), replayed: true }
    const receipt = this.#enqueue(submitted)
    this.#byKey.set(key, receipt)
    try {
      return await receipt
    } finally {
      this.#byKey.delete(key)
    }
  }

  /** Resolves when what was submitted is committed or refused. */
  async close(): Promise<void> {
    await this.#running
    await this.#session.close()
  }

  #enqueue(submitted: Submitted): Promise<Receipt> {
    const { promise, resolve, reject } = Promise.withResolvers<Receipt>()
    this.#queue.push({ ...submitted, resolve, reject })
    this.#running ??= this.#run()
    return promise
  }

  async #run(): Promise<void> {
    // What comes in the same turn of the event loop belongs to the same group.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#queue.length > 0) {
      const group = this.#takeGroup()
      try {
        await this.#session.use((committer) => this.#commit(committer, group))
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
      await this.#prune().catch(() => undefined)
    }
    // In the same turn that found nothing left: what comes a moment later starts anew instead of waiting for somebody else.
    this.#running = undefined
  }

  #takeGroup(): readonly Pending[] {
    let rows = 0
    let taken = 0
    for (const pending of this.#queue) {
      rows += pending.rows.count
      if (taken > 0 && rows > groupRowsMax) break
      taken += 1
    }
    const group = this.#queue.slice(0, taken)
    this.#queue = this.#queue.slice(taken)
    return group
  }

  /** Commits those that are not in the ledger yet; those that are get what the ledger has. */
  async #commit(committer: BatchCommitter, group: readonly Pending[]): Promise<void> {
    const { source, onCommit } = this.#options
    let left = group
    while (left.length > 0) {
      const rows = this.#join(left)
      const changes = left.flatMap((pending) => changeOf(pending))
      const conflicts = await committer.commit({ source, rows, changes })
      if (conflicts.size === 0) {
        onCommit(rows.count)
        for (const pending of left) pending.resolve(receiptOf(pending))
        return
      }
      left = left.filter(({ key, resolve }) => {
        const known = key === null ? undefined : conflicts.get(key)
        if (known !== undefined) resolve({ ...countsOf(known), replayed: true })
        return known === undefined
      })
    }
  }

  #join(group: readonly Pending[]): MeasurementBatch {
    const [first, ...others] = group
    if (first !== undefined && others.length === 0) return first.rows
    this.#group.clear()
    for (const { rows } of group) this.#group.appendAll(rows)
    return this.#group
  }

  async #prune(): Promise<void> {
    const { clock, source, keptHours } = this.#options
    if (keptHours === null || clock.now() - this.#prunedMs < pruneEveryMs) return
    this.#prunedMs = clock.now()
    await this.#session.use((_committer, connection) => pruneLedger(connection, source, keptHours))
  }
}

function changeOf({ key, mark, rows, items }: Pending): readonly LedgerChange[] {
  if (key === null) return []
  const written = rows.count
  return [
    { key, from: null, position: items, written, rejected: items - written, mark, completed: true },
  ]
}

function receiptOf({ rows, items, mark }: Pending): Receipt {
  return { written: rows.count, rejected: items - rows.count, replayed: false, mark }
}

function countsOf({ written, rejected, mark }: LedgerEntry): Omit<Receipt, 'replayed'> {
  return { written, rejected, mark }
}

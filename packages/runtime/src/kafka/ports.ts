/** What an application needs of Kafka, named for the need. kafkajs stays behind this (docs/decisions/0002). */

/** One record of a partition. Offsets are below 2^53: a partition at a million records a second lasts 285 years. */
export interface KafkaRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** Only where the record has some. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly timestampMs: number
  readonly offset: number
}

/**
 * Consecutive records of one partition, read_committed. It covers the offsets [firstOffset, nextOffset), of which some hold
 * no record (transaction markers, aborted or compacted records), so `records` may be shorter than the range.
 */
export interface RecordBatch {
  readonly topic: string
  readonly partition: number
  readonly records: readonly KafkaRecord[]
  /** First offset covered: the previous batch's nextOffset, or the offset given by takeOver. */
  readonly firstOffset: number
  readonly nextOffset: number
  /** The partition's high watermark when the batch was fetched. */
  readonly endOffset: number
}

/**
 * What an application does with its partitions. Calls for one partition never overlap.
 * An error of disposition `rewind` makes the reader call `release` and `takeOver` again; one of disposition `step-aside`
 * makes it call `release`, and `takeOver` only after a while and if the partition is still assigned. Any other error ends the
 * process.
 */
export interface PartitionHandler {
  /**
   * The partition is ours: fence the former owner, restore state, and return the next offset to process
   * (`null`: the start given by STARTING_OFFSETS). Called before the first batch of every assignment.
   */
  takeOver(partition: number): Promise<number | null>
  /** Applies a batch: effect and progress together. */
  process(batch: RecordBatch): Promise<void>
  /** The partition may belong to someone else from now on; drop what is held for it. */
  release(partition: number): void
}

/** A group's committed offset for a partition, with the text committed beside it. */
export interface CommittedOffset {
  /** Next offset to process. */
  readonly offset: number
  readonly metadata: string
}

/** The group's offsets on the broker. */
export interface GroupOffsets {
  committed(partition: number): Promise<CommittedOffset | null>
  /** Refused, with disposition `rewind`, when this member lost the partition. */
  commit(partition: number, committed: CommittedOffset): Promise<void>
}

/** A running reader. */
export interface PartitionReader {
  readonly offsets: GroupOffsets
  /** Partitions owned and ready to process. */
  owned(): readonly number[]
  /** Partitions assigned and not ready yet: while one stays here, its records wait. */
  takingOver(): readonly number[]
  /**
   * Runs `work` for an owned partition between two batches, never overlapping one; does nothing when the partition is not
   * owned. Errors are treated as those of `process`.
   */
  between(partition: number, work: () => Promise<void>): Promise<void>
}

/** A record to be written to the partition of its transaction. */
export interface OutputRecord {
  readonly topic: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: Readonly<Record<string, string>>
}

/** Everything that becomes visible together: output records and the input offset they stand for. */
export interface Transaction {
  readonly partition: number
  readonly records: readonly OutputRecord[]
  /** Next input offset to process once this is committed; null for what has no input topic. */
  readonly consumed: {
    readonly group: string
    readonly topic: string
    readonly nextOffset: number
  } | null
}

/** What the next transaction will write to, known before its records are. */
export interface TransactionPlan {
  readonly partition: number
  readonly topics: readonly string[]
  readonly group: string
}

/** The right to write under one transactional id. Opening it fences whoever held it before. */
export interface TransactionalProducer {
  /**
   * Begins the next transaction while its records are still being made, which saves `commit` the first of its requests. It must be
   * followed by `commit` or `close` soon: readers wait for what is open. What fails here, the commit tells.
   */
  plan(plan: TransactionPlan): void
  /**
   * Commits all or nothing. After any failure this producer is spent: open a new one and learn from the group's committed
   * offset what happened.
   * @throws FaultlineError TRANSACTION_ABORTED (may or may not have been committed), PRODUCER_FENCED (a newer owner exists)
   */
  commit(transaction: Transaction): Promise<void>
  close(): Promise<void>
}

export interface TransactionalProducers {
  /** @throws FaultlineError BROKER_UNAVAILABLE */
  open(transactionalId: string): Promise<TransactionalProducer>
}

/** Offsets [from, to) of a partition: by default from its first record to the end it has now. */
export interface PartitionRange {
  readonly topic: string
  readonly partition: number
  readonly from?: number
  readonly to?: number
}

/** Reads partitions as they are: changelogs, small tables, topics that are looked at again. */
export interface TopicHistory {
  /**
   * Reads a range, read_committed, in order. What `onRecords` returns is awaited before the next records are handed over; what
   * it throws ends the reading.
   * @throws FaultlineError BROKER_UNAVAILABLE
   */
  replay(
    range: PartitionRange,
    onRecords: (records: readonly KafkaRecord[]) => unknown,
  ): Promise<void>
  /** The first offset of a partition, and the next one to be written. */
  bounds(topic: string, partition: number): Promise<{ first: number; end: number }>
}

/** Follows single-partition topics from their first record, for as long as it runs. */
export interface TableFeed {
  /** Resolves once everything written before the call has been handed to `onRecords`. */
  caughtUp(): Promise<void>
}

/** Follows every partition of a topic on its own, for as long as it runs. */
export interface TopicFollower {
  /** The first offset of each partition, and the next one to be written. @throws FaultlineError BROKER_UNAVAILABLE */
  bounds(): Promise<ReadonlyMap<number, { readonly first: number; readonly end: number }>>
  /** Fetches no more of a partition until `goOn`. */
  hold(partition: number): void
  goOn(partition: number): void
}

/** What an application needs of Kafka, named for the need. kafkajs stays behind this (docs/decisions/0002). */

/** One record of a partition. Offsets are below 2^53: a partition at a million records a second lasts 285 years. */
export interface KafkaRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
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
 * An error of disposition `rewind` makes the reader call `takeOver` again; any other error ends the process.
 */
export interface PartitionHandler {
  /**
   * The partition is ours: fence the former owner, restore state, and return the next offset to process
   * (`null`: the start given by STARTING_OFFSETS). Called before the first batch of every assignment.
   */
  takeOver(partition: number): Promise<number | null>
  /** Applies a batch: effect and progress together. */
  process(batch: RecordBatch): Promise<void>
  /** The partition may belong to someone else from now on; drop what is held for it. No I/O that must succeed. */
  release(partition: number): void
}

/** A group's committed offset for a partition, with the text committed beside it. */
export interface CommittedOffset {
  /** Next offset to process. */
  readonly offset: number
  readonly metadata: string
}

/** The group's offsets on the broker. A commit from a member that lost the partition is refused (PRODUCER_FENCED). */
export interface GroupOffsets {
  committed(partition: number): Promise<CommittedOffset | null>
  commit(partition: number, committed: CommittedOffset): Promise<void>
}

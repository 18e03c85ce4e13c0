import type { ServedMeasurement } from './served-measurement.ts'

/** A record of the enriched topic at its offset; a null measurement removes the device. */
export interface DeviceRecord {
  readonly offset: number
  readonly device_id: string
  readonly measurement: ServedMeasurement | null
}

/** Consecutive records of a partition: they cover the offsets [firstOffset, nextOffset). */
export interface RecordRange {
  readonly partition: number
  /** From the takeOver that made the caller the owner. */
  readonly epoch: number
  readonly firstOffset: number
  readonly nextOffset: number
  readonly records: readonly DeviceRecord[]
  /**
   * The caller knows of earlier ranges that are in. A store without progress has lost them, and must not take this range for
   * the partition's first one. A lost tail is not told by the epoch: the older copy may hold the same.
   */
  readonly continues?: boolean
}

export interface Ownership {
  readonly epoch: number
  /** Next offset to apply; null where nothing was applied yet. */
  readonly nextOffset: number | null
}

/**
 * Where the rankings live. Effects and progress are one step: whatever is applied again after a crash, a retry or a rewind
 * changes nothing.
 */
export interface ServingStore {
  /**
   * Makes the caller the owner of a partition; whoever owned it is refused from now on.
   * @throws FaultlineError SERVING_STORE_UNAVAILABLE, CONFIG_INVALID (built with another half-life)
   */
  takeOver(partition: number): Promise<Ownership>
  /**
   * Applies the records that are not in yet, and returns how many those were.
   * @throws FaultlineError SERVING_STORE_UNAVAILABLE (may or may not be applied: apply the same range again),
   * SERVING_STORE_FENCED (another owner took over), SERVING_STORE_BEHIND (the store lost what comes before: take over again)
   */
  apply(range: RecordRange): Promise<number>
}

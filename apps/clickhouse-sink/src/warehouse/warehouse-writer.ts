import type { PackedMeasurement } from '@faultline/contracts/enriched-measurement'

/** A partition of the enriched topic. */
export interface Source {
  readonly topic: string
  readonly partition: number
}

/** The offsets [start, end) of a partition: what is written by one INSERT, all or nothing. */
export interface OffsetRange extends Source {
  readonly start: number
  readonly end: number
  /** Epoch seconds: from when on the rows' time to live counts. The same at every attempt. */
  readonly ingestedAt: number
}

export interface StoredMeasurement {
  readonly offset: number
  readonly measurement: PackedMeasurement
}

/** A record that could not be read, with its bytes. */
export interface RefusedRecord extends Source {
  readonly offset: number
  readonly reason: string
  readonly message: string
  readonly key: Buffer | null
  readonly value: Buffer
}

/** A row of PostgreSQL's device_models, at a log position. */
export interface DeviceModelRow {
  readonly model: string
  readonly type: string
  readonly channels: readonly string[]
  readonly units: readonly string[]
  readonly lsn: number
}

/** A row of PostgreSQL's device_events, at a log position. Times in epoch ms; `detail` is JSON text. */
export interface DeviceEventRow {
  readonly id: number
  readonly device_id: string
  readonly occurred_at: number
  readonly kind: string
  readonly code: string | null
  readonly detail: string | null
  readonly lsn: number
  readonly is_deleted: 0 | 1
}

export const rollUpLevels = ['1min', '1hour', '1day'] as const
export type RollUpLevel = (typeof rollUpLevels)[number]

/**
 * Where the history is kept. Every method throws WAREHOUSE_UNAVAILABLE when the store did not answer, in which case its
 * effect is unknown; calling again with the same arguments is always right.
 */
export interface WarehouseWriter {
  /** Creates what is missing of the tables. */
  ensure(): Promise<void>

  /**
   * One past the highest offset stored of a partition, or null when nothing is. Everything below it that had to be stored
   * is stored, because ranges are written in order and each at once.
   * @param from an offset known to be no higher than the answer; makes the search short
   */
  storedNext(source: Source, from: number): Promise<number | null>

  /**
   * Stores a range, once, however often it is called with this range. `rows`: its measurements by offset, not empty, the
   * same at every call. `again`: an attempt may have been made before, here or by a former owner.
   */
  insertRange(range: OffsetRange, rows: readonly StoredMeasurement[], again: boolean): Promise<void>

  /** Keeps refused records. Calling again changes nothing. */
  keepRefused(records: readonly RefusedRecord[]): Promise<void>

  /** Keep rows of small tables; of several for the same key the one with the highest lsn counts, in whatever order they come. */
  keepModels(rows: readonly DeviceModelRow[]): Promise<void>
  keepEvents(rows: readonly DeviceEventRow[]): Promise<void>

  /** Marks every event kept with a lower lsn as deleted: its table was truncated there. */
  removeEvents(lsn: number): Promise<void>

  /** The next offset that a roll-up has to take in; 0 when it has taken nothing in. */
  rolledUpTo(source: Source, level: RollUpLevel): Promise<number>

  /**
   * Takes stored measurements below `end` into a roll-up, as many as fit one INSERT, and returns the next offset. Anyone may
   * call this at any time: what was taken in once is not taken in again.
   */
  rollUp(source: Source, level: RollUpLevel, end: number): Promise<number>
}

import type { DeadLetterReason } from '@faultline/contracts/dead-letter'
import type { PackedMeasurement } from '@faultline/contracts/enriched-measurement'
import type { LogPosition } from '@faultline/core/join'
import type { Change } from './change.ts'

type Readings = PackedMeasurement['readings']

/** A row of raw_measurements with its place in PostgreSQL's log. */
export interface Measurement {
  readonly id: number
  readonly deviceId: string
  /** Epoch ms. */
  readonly measuredAt: number
  /** NaN for NULL; float32 values. */
  readonly readings: Readings
  readonly carNumber: number | null
  readonly position: LogPosition
  /** From the log; false when a snapshot read it. */
  readonly isStreamed: boolean
  readonly transaction: string | null
  readonly committedAt: number
}

/** Why a record is refused: the reason, and one sentence without row data. */
export interface Refusal {
  readonly reason: DeadLetterReason
  readonly message: string
}

/** Nothing measured a fleet before this; an older clock was never set. */
const earliestMs = Date.UTC(2000, 0, 1)
const readingsMax = 10_000
/** Ids are keys of topics, of Redis and of the state; a longer one is a mistake, and would make records too large to keep. */
const deviceIdMax = 256

/** Checks a measurement's row. `clockAheadMaxMs`: how far the device's clock may be ahead of the commit. */
export function toMeasurement(change: Change, clockAheadMaxMs: number): Measurement | Refusal {
  const row = change.after
  if (row === null) return invalid('the change carries no row')
  const { id, device_id: deviceId, car_number: carNumber = null } = row
  if (!isRowId(id)) return invalid('id is not a whole number from 0 to 2^53 - 1')
  if (typeof deviceId !== 'string' || deviceId === '') return invalid('device_id is empty')
  if (deviceId.length > deviceIdMax) return invalid(`device_id is longer than ${deviceIdMax}`)
  if (carNumber !== null && typeof carNumber !== 'number')
    return invalid('car_number is not a number')
  const readings = toReadings(row['readings'])
  if (readings === null) return invalid('readings is not a list of numbers')
  const measuredAt = toTime(row['measured_at'])
  if (Number.isNaN(measuredAt)) return invalid('measured_at is not a time')
  const { position, transaction, committedAt } = change
  if (measuredAt < earliestMs || measuredAt > committedAt + clockAheadMaxMs) {
    const side = measuredAt < earliestMs ? 'before 2000' : 'ahead of the time of its commit'
    return { reason: 'CLOCK_INVALID', message: `measured_at is ${side}` }
  }
  const isStreamed = change.op === 'c'
  return {
    id,
    deviceId,
    measuredAt,
    readings,
    carNumber,
    position,
    isStreamed,
    transaction,
    committedAt,
  }
}

function isRowId(id: unknown): id is number {
  return typeof id === 'number' && Number.isSafeInteger(id) && id >= 0
}

/** Debezium writes timestamptz as ISO text, and infinity as text too. */
function toTime(value: unknown): number {
  return typeof value === 'string' ? Date.parse(value) : Number.NaN
}

export function isRefusal(outcome: object): outcome is Refusal {
  return 'reason' in outcome
}

function invalid(message: string): Refusal {
  return { reason: 'ROW_INVALID', message }
}

/** Turns NULL into NaN in place: the array was made for this record by its decoder, and a copy would cost as much again. */
function toReadings(value: unknown): Readings | null {
  if (value instanceof Float32Array) return hasFittingLength(value) ? value : null
  if (!Array.isArray(value) || !hasFittingLength(value)) return null
  const readings = value as unknown[]
  for (let i = 0; i < readings.length; i++) {
    if (readings[i] === null) readings[i] = Number.NaN
    else if (typeof readings[i] !== 'number') return null
  }
  return readings as number[]
}

function hasFittingLength({ length }: { readonly length: number }): boolean {
  return length > 0 && length <= readingsMax
}

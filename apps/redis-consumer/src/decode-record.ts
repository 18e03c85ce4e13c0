import { allTypes } from '@faultline/contracts/redis-keys'
import type { AlertLevel } from '@faultline/contracts/enriched-measurement'
import { isFaultlineError } from '@faultline/runtime/errors'
import type { KafkaRecord } from '@faultline/runtime/kafka'
import type { ServedMeasurement } from './served-measurement.ts'
import type { DeviceRecord } from './serving-store.ts'

/** A record that cannot be applied, and why. The reason is a metric label. */
export interface RefusedRecord {
  readonly offset: number
  readonly reason: string
  readonly message: string
}

/** What a record of the enriched topic turned out to be. */
export type ReadRecord =
  | { readonly kind: 'read'; readonly record: DeviceRecord }
  | { readonly kind: 'refused'; readonly refused: RefusedRecord }

/** Decodes values of the enriched topic; undefined from `now` when the schema has to be asked for first. */
export interface ValueDecoder {
  readonly now: (value: Buffer) => { readonly value: unknown } | undefined
  readonly later: (value: Buffer) => Promise<unknown>
}

/**
 * Reads records of the enriched topic, in their order. One that cannot be read is refused and not thrown: it would stop the
 * process again after every restart.
 * @throws FaultlineError REGISTRY_UNAVAILABLE
 */
export function createRecordReader(decoder: ValueDecoder) {
  return async (records: readonly KafkaRecord[]): Promise<ReadRecord[]> => {
    const read: ReadRecord[] = []
    // Waiting costs more than reading, so it is done only where a schema has to be asked for.
    for (const record of records)
      read.push(readNow(decoder, record) ?? (await readLater(decoder, record)))
    return read
  }
}

/** Undefined where the schema is not known yet. */
function readNow(
  decoder: ValueDecoder,
  { key, value, offset }: KafkaRecord,
): ReadRecord | undefined {
  if (value === null) {
    if (key === null || key.length === 0) return rowInvalid(offset, 'a removal without a key')
    const device_id = key.toString('utf8')
    return { kind: 'read', record: { offset, device_id, measurement: null } }
  }
  try {
    const known = decoder.now(value)
    return known === undefined ? undefined : judge(offset, known.value)
  } catch (error) {
    return refused(offset, error)
  }
}

async function readLater(
  decoder: ValueDecoder,
  { value, offset }: KafkaRecord,
): Promise<ReadRecord> {
  try {
    return judge(offset, value === null ? null : await decoder.later(value))
  } catch (error) {
    return refused(offset, error)
  }
}

function judge(offset: number, decoded: unknown): ReadRecord {
  if (!isMeasurement(decoded)) return rowInvalid(offset, 'not an enriched measurement')
  const problem = problemOf(decoded)
  if (problem !== null) return rowInvalid(offset, problem)
  return {
    kind: 'read',
    record: { offset, device_id: decoded.device_id, measurement: decoded },
  }
}

function refused(offset: number, error: unknown): ReadRecord {
  if (!isFaultlineError(error) || error.disposition !== 'reject') throw error
  return { kind: 'refused', refused: { offset, reason: error.code, message: error.message } }
}

function rowInvalid(offset: number, message: string): ReadRecord {
  return { kind: 'refused', refused: { offset, reason: 'ROW_INVALID', message } }
}

/** The fields without which a record cannot be written to Redis; the rest is held by the schema it was written with. */
function isMeasurement(decoded: unknown): decoded is ServedMeasurement {
  if (typeof decoded !== 'object' || decoded === null) return false
  const m = decoded as Partial<Record<keyof ServedMeasurement, unknown>>
  // One by one: lists of them would be made for every record.
  return (
    isText(m.event_id) &&
    isText(m.device_id) &&
    isText(m.type) &&
    isText(m.model) &&
    isText(m.alert_level) &&
    Array.isArray(m.fault_reasons) &&
    Array.isArray(m.explanation) &&
    isObject(m.features) &&
    isObject(m.source) &&
    Number.isSafeInteger(m.committed_at)
  )
}

const isText = (value: unknown) => typeof value === 'string' && value !== ''
const isObject = (value: unknown) => typeof value === 'object' && value !== null

const decimal = /^\d{1,19}$/
const alertLevels: readonly string[] = [
  'normal',
  'warning',
  'critical',
] satisfies readonly AlertLevel[]

/** What the scripts could not reckon with, or would mix up with something else. */
function problemOf(m: ServedMeasurement): string | null {
  if (!decimal.test(m.event_id)) return 'event_id is no number'
  if (!(m.fault_score >= 0 && m.fault_score <= 1)) return `fault_score is ${m.fault_score}`
  if (!Number.isSafeInteger(m.measured_at)) return `measured_at is ${m.measured_at}`
  if (!(Number.isSafeInteger(m.revision) && m.revision >= 1)) return `revision is ${m.revision}`
  if (!alertLevels.includes(m.alert_level)) return `alert_level is ${m.alert_level}`
  if (m.type === allTypes) return `the type "${allTypes}" is reserved`
  return null
}

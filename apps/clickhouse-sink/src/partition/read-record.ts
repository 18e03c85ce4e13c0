import {
  enrichedMeasurementAvro,
  type PackedMeasurement,
} from '@faultline/contracts/enriched-measurement'
import { isFaultlineError } from '@faultline/runtime/errors'
import type { KafkaRecord } from '@faultline/runtime/kafka'

/** The schema to read with: readings go to ClickHouse in the bytes in which they came. */
export const packedMeasurementAvro = {
  ...enrichedMeasurementAvro,
  fields: enrichedMeasurementAvro.fields.map((field) =>
    field.name === 'readings' ? { ...field, type: { ...field.type, packed: true } } : field,
  ),
}

/** What a record of the enriched topic turned out to be. */
export type ReadRecord =
  | { readonly kind: 'measurement'; readonly measurement: PackedMeasurement }
  /** The device was deleted: nothing to store, its history stays. */
  | { readonly kind: 'removal' }
  | { readonly kind: 'refused'; readonly reason: string; readonly message: string }

export interface RecordDecoder {
  /** Without waiting, when the schema is known. */
  decodeKnown(value: Buffer): { readonly value: unknown } | undefined
  decode(value: Buffer): Promise<unknown>
}

/** @throws FaultlineError REGISTRY_UNAVAILABLE */
export async function readRecord(
  decoder: RecordDecoder,
  { value }: KafkaRecord,
): Promise<ReadRecord> {
  if (value === null) return { kind: 'removal' }
  try {
    const known = decoder.decodeKnown(value)
    const decoded = known === undefined ? await decoder.decode(value) : known.value
    if (isMeasurement(decoded)) return { kind: 'measurement', measurement: decoded }
    return { kind: 'refused', reason: 'ROW_INVALID', message: 'not an enriched measurement' }
  } catch (error) {
    if (isFaultlineError(error) && error.disposition === 'reject') {
      return { kind: 'refused', reason: error.code, message: error.message }
    }
    throw error
  }
}

const decimal = /^\d{1,19}$/

/** The fields whose absence or shape would break the INSERT; the rest is held by the schema it was written with. */
function isMeasurement(decoded: unknown): decoded is PackedMeasurement {
  if (typeof decoded !== 'object' || decoded === null) return false
  const { event_id, device_id, measured_at, readings, revision, source, explanation, features } =
    decoded as Partial<Record<keyof PackedMeasurement, unknown>>
  return (
    typeof event_id === 'string' &&
    decimal.test(event_id) &&
    typeof device_id === 'string' &&
    device_id !== '' &&
    typeof measured_at === 'number' &&
    typeof revision === 'number' &&
    (readings instanceof Float32Array || Array.isArray(readings)) &&
    Array.isArray(explanation) &&
    typeof features === 'object' &&
    typeof source === 'object'
  )
}

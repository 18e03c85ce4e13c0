import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { isFaultlineError } from '@faultline/runtime/errors'
import type { KafkaRecord } from '@faultline/runtime/kafka'

/** What a record of the enriched topic turned out to be. */
export type ReadRecord =
  | { readonly kind: 'measurement'; readonly measurement: EnrichedMeasurement }
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
function isMeasurement(decoded: unknown): decoded is EnrichedMeasurement {
  if (typeof decoded !== 'object' || decoded === null) return false
  const { event_id, device_id, measured_at, readings, revision, source, explanation, features } =
    decoded as Partial<Record<keyof EnrichedMeasurement, unknown>>
  return (
    typeof event_id === 'string' &&
    decimal.test(event_id) &&
    typeof device_id === 'string' &&
    device_id !== '' &&
    typeof measured_at === 'number' &&
    typeof revision === 'number' &&
    Array.isArray(readings) &&
    Array.isArray(explanation) &&
    typeof features === 'object' &&
    typeof source === 'object'
  )
}

import { allTypes } from '@faultline/contracts/redis-keys'
import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { FaultlineError, isFaultlineError, messageOf } from '@faultline/runtime/errors'
import type { KafkaRecord } from '@faultline/runtime/kafka'
import type { DeviceRecord } from './serving-store.ts'

/** Where a record stands, for errors. */
interface Place {
  readonly topic: string
  readonly partition: number
}

/** Decodes values of the enriched topic; undefined from `now` when the schema has to be asked for first. */
export interface ValueDecoder {
  readonly now: (value: Buffer) => { readonly value: unknown } | undefined
  readonly later: (value: Buffer) => Promise<unknown>
}

/**
 * Reads records of the enriched topic. The enricher wrote them, so one that cannot be read means that something is broken
 * and not that a device sent nonsense: it stops the process, and nothing is passed over.
 * @throws FaultlineError RECORD_UNDECODABLE naming the position, REGISTRY_UNAVAILABLE
 */
export function createRecordReader(decoder: ValueDecoder) {
  return async (place: Place, records: readonly KafkaRecord[]): Promise<DeviceRecord[]> => {
    const read: DeviceRecord[] = []
    for (const record of records) {
      try {
        const { value } = record
        const decoded =
          value === null ? null : (decoder.now(value)?.value ?? (await decoder.later(value)))
        read.push(toDeviceRecord(record, decoded as EnrichedMeasurement | null))
      } catch (error) {
        if (isFaultlineError(error) && error.disposition === 'retry') throw error
        throw new FaultlineError(
          'RECORD_UNDECODABLE',
          `${place.topic}/${place.partition} offset ${record.offset}: ${messageOf(error)}`,
          {
            cause: error,
            remedy: 'Run the version that wrote the record, or correct the schema registry.',
          },
        )
      }
    }
    return read
  }
}

function toDeviceRecord(
  { key, offset }: KafkaRecord,
  measurement: EnrichedMeasurement | null,
): DeviceRecord {
  if (measurement === null) {
    if (key === null) throw new RangeError('a tombstone without a key')
    return { offset, device_id: key.toString('utf8'), measurement }
  }
  const { device_id, type, fault_score: score, measured_at: time } = measurement
  if (!(score >= 0 && score <= 1)) throw new RangeError(`fault_score is ${score}`)
  if (!Number.isSafeInteger(time)) throw new RangeError(`measured_at is ${time}`)
  if (type === allTypes) throw new RangeError(`the type "${allTypes}" is reserved`)
  return { offset, device_id, measurement }
}

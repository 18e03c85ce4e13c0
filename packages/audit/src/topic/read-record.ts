import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { allTypes } from '@faultline/contracts/redis-keys'
import { isFaultlineError } from '@faultline/runtime/errors'
import type { KafkaRecord } from '@faultline/runtime/kafka'
import { createDecoder, decodeKnown, type SchemaRegistry } from '@faultline/runtime/registry'

/** A record of the enriched topic. Unreadable records count nowhere; Redis is stricter than ClickHouse in what it can use. */
export interface TopicRecord {
  readonly offset: number
  readonly deviceId: string
  /** null: the removal of the device. */
  readonly measurement: EnrichedMeasurement | null
  readonly countsIn: { readonly redis: boolean; readonly clickhouse: boolean }
}

/** Reads records in their order; null for one that no store can use. @throws FaultlineError REGISTRY_UNAVAILABLE */
export function createTopicRecordReader(
  registry: SchemaRegistry,
): (record: KafkaRecord) => Promise<TopicRecord | null> {
  const decode = createDecoder(registry)
  return async ({ key, value, offset }) => {
    if (value === null) {
      if (key === null || key.length === 0) return null
      const countsIn = { redis: true, clickhouse: false }
      return { offset, deviceId: key.toString('utf8'), measurement: null, countsIn }
    }
    try {
      const known = decodeKnown(registry, value)
      const decoded = known === undefined ? await decode(value) : known.value
      return usable(offset, decoded)
    } catch (error) {
      if (isFaultlineError(error) && error.disposition === 'reject') return null
      throw error
    }
  }
}

type Shape = Readonly<Partial<Record<keyof EnrichedMeasurement, unknown>>>

function usable(offset: number, decoded: unknown): TopicRecord | null {
  if (typeof decoded !== 'object' || decoded === null) return null
  const shape = decoded as Shape
  const countsIn = { redis: isRanked(shape), clickhouse: isRow(shape) }
  if (!countsIn.redis && !countsIn.clickhouse) return null
  const measurement = decoded as EnrichedMeasurement
  return { offset, deviceId: measurement.device_id, measurement, countsIn }
}

const isName = (value: unknown) => typeof value === 'string' && value.length > 0
const isEventId = (value: unknown) => typeof value === 'string' && /^[0-9]{1,19}$/.test(value)
const isObject = (value: unknown) => typeof value === 'object' && value !== null

/** What the ranking can reckon with. */
function isRanked(m: Shape): boolean {
  const score = m.fault_score
  const revision = Number(m.revision)
  return (
    isName(m.device_id) &&
    isName(m.model) &&
    isName(m.type) &&
    m.type !== allTypes &&
    isEventId(m.event_id) &&
    Number.isSafeInteger(m.measured_at) &&
    Number.isSafeInteger(m.committed_at) &&
    Number.isSafeInteger(m.revision) &&
    revision > 0 &&
    typeof score === 'number' &&
    score >= 0 &&
    score <= 1 &&
    ['normal', 'warning', 'critical'].includes(String(m.alert_level)) &&
    isList(m)
  )
}

function isList(m: Shape): boolean {
  return (
    Array.isArray(m.fault_reasons) &&
    Array.isArray(m.explanation) &&
    isObject(m.features) &&
    isObject(m.source)
  )
}

/** What can be a row. */
function isRow(m: Shape): boolean {
  return (
    isName(m.device_id) &&
    isEventId(m.event_id) &&
    typeof m.measured_at === 'number' &&
    typeof m.revision === 'number' &&
    Array.isArray(m.readings) &&
    Array.isArray(m.explanation) &&
    isObject(m.features) &&
    isObject(m.source)
  )
}

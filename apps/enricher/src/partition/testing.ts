import type { DeadLetter } from '@faultline/contracts/dead-letter'
import { createReferenceScorer } from '@faultline/core/scoring'
import { FaultlineError } from '@faultline/runtime/errors'
import type { MemoryBroker } from '@faultline/runtime/kafka/memory'
import { Catalog } from '../catalog/catalog.ts'
import { toChange } from '../change/change.ts'
import type { EnrichmentTools } from './partition-enricher.ts'

/** Change events as JSON instead of Avro, so that a topology test reads like its records. */
export interface RowEvent {
  readonly lsn: number
  readonly row: Readonly<Record<string, unknown>> | null
  readonly before?: Readonly<Record<string, unknown>>
  /** A row that a snapshot reads. */
  readonly isRead?: boolean
}

const committedAt = Date.UTC(2026, 0, 2)

function changeEvent({ lsn, row, before, isRead }: RowEvent) {
  return {
    op: row === null ? 'd' : isRead === true ? 'r' : 'c',
    before: before ?? null,
    after: row,
    source: { lsn, ts_ms: committedAt, txId: lsn, sequence: `["${lsn - 1}","${lsn}"]` },
  }
}

export function measurementRow(id: number, deviceId: string, readings: readonly (number | null)[]) {
  return {
    id,
    device_id: deviceId,
    measured_at: new Date(Date.UTC(2026, 0, 1) + id * 1_000).toISOString(),
    readings,
    car_number: 3,
  }
}

/** A model of two channels with one rule: `hot` above 30. */
const testModel = {
  model: 'm',
  type: 'pump',
  channels: ['hot', 'cold'],
  units: ['°C', '°C'],
  rules: JSON.stringify([{ code: 'HOT', channel: 'hot', above: 30 }]),
}

export function device(deviceId: string) {
  return {
    device_id: deviceId,
    type: 'pump',
    model: 'm',
    name: deviceId,
    line: 'L1',
    location: null,
  }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}

export function fromJson(value: Buffer | null): unknown {
  return value === null ? null : (JSON.parse(value.toString()) as unknown)
}

export const testTopics = {
  measurements: 'raw',
  enriched: 'enriched',
  state: 'state',
  deadLetters: 'dead',
} as const

export function appendMeasurement(broker: MemoryBroker, event: RowEvent): number {
  return broker.append(testTopics.measurements, 0, { key: null, value: json(changeEvent(event)) })
}

export function testTools(limits: Partial<EnrichmentTools['limits']> = {}): EnrichmentTools {
  const catalog = new Catalog(() => undefined)
  const model = toChange(changeEvent({ lsn: 1, row: testModel }))
  if (model !== null) catalog.applyModel(model)
  const decodeKnown = (value: Buffer) => {
    try {
      return { value: fromJson(value) }
    } catch (error) {
      throw new FaultlineError('RECORD_UNDECODABLE', 'not JSON', { cause: error })
    }
  }
  return {
    catalog,
    scorer: createReferenceScorer({ halfLifeMs: 3_600_000 }),
    decode: (value) => Promise.resolve(decodeKnown(value).value),
    decodeKnown,
    encodeEnriched: (record) => json({ ...record, readings: [...record.readings] }),
    encodeDeadLetter: (letter: DeadLetter) =>
      json({ ...letter, value: Buffer.from(letter.value).toString() }),
    now: () => committedAt,
    topics: testTopics,
    limits: {
      parkedMax: 100,
      deadLetterConsecutiveMax: 100,
      deadLetterRatioMax: 1,
      deadLetterRatioWindow: 100,
      rowChunksMax: 16,
      clockAheadMaxMs: 600_000,
      ...limits,
    },
  }
}

export function applyDevice(tools: EnrichmentTools, event: RowEvent): void {
  const change = toChange(changeEvent(event))
  if (change !== null) tools.catalog.applyDevice(change)
}

/**
 * Guards what was won: processor time of our hot paths beside that of the library's way to do the same, measured in turn in this
 * process. Ratios hold on any machine; each limit is about twice what is usual.
 */
import { createRequire } from 'node:module'
import avro from 'avsc'
import { expect, it } from 'vitest'
import {
  enrichedMeasurementAvro,
  type PackedMeasurement,
} from '@faultline/contracts/enriched-measurement'
import { createReferenceScorer } from '@faultline/core/scoring'
import { createEncoder, createProjection, type SchemaRegistry } from '@faultline/runtime/registry'
import { capturedMeasurementAvro } from '../../apps/enricher/src/change/captured-measurement.ts'
import { PartitionEnricher } from '../../apps/enricher/src/partition/partition-enricher.ts'
import { PartitionStore } from '../../apps/enricher/src/partition/partition-store.ts'
import { encodeBatch } from '../../packages/runtime/src/kafka/record-batch/index.ts'
import { capturedRecords, envelope, filledCatalog } from './captured.ts'

const rounds = 9
const written = avro.Type.forSchema(envelope)
const values = capturedRecords(2_000)
const registry = {
  knownReader: () => written,
  register: () => Promise.resolve(2),
} as Partial<SchemaRegistry> as SchemaRegistry

async function processorTime(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** The middle of the ratios of `rounds` pairs, after as many that only warm up. */
async function ratio(ours: () => unknown, theirs: () => unknown): Promise<number> {
  const ratios: number[] = []
  for (let round = 0; round < 2 * rounds; round += 1) {
    const [our, their] = [await processorTime(ours), await processorTime(theirs)]
    if (round >= rounds) ratios.push(our / their)
  }
  return ratios.sort((a, b) => a - b)[rounds >> 1] ?? Number.NaN
}

const decodeWhole = () => {
  for (const value of values) written.fromBuffer(value.subarray(5))
}

it('writes a record batch in a fifth of the time that kafkajs takes', async () => {
  // Loaded from its files, of which nothing is replaced in this process.
  const require = createRequire(import.meta.url)
  const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
    readonly RecordBatch: (batch: object) => Promise<unknown>
  }
  const Record = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => object
  const key = Buffer.from('AC-0001')
  const records = values.map((value, offsetDelta) => ({
    key,
    value,
    offsetDelta,
    timestampDelta: 0,
  }))
  const batch = {
    ...{ firstTimestamp: 0, maxTimestamp: 0, producerEpoch: 0, firstSequence: 0 },
    lastOffsetDelta: records.length - 1,
  }
  const ours = () => encodeBatch({ ...batch, producerId: 1n, isTransactional: true }, records)
  const theirs = () =>
    RecordBatch({ ...batch, producerId: 1, transactional: true, records: records.map(Record) })
  expect(await ratio(ours, theirs)).toBeLessThan(0.2)
})

it('reads what it needs of a captured measurement in less time than all of it takes', async () => {
  const projection = createProjection(registry, capturedMeasurementAvro, 'decode whole')
  const ours = () => {
    for (const value of values) projection.now(value)
  }
  expect(await ratio(ours, decodeWhole)).toBeLessThan(0.8)
})

it('enriches a measurement in five times the time of decoding it by avsc', async () => {
  const projection = createProjection(registry, capturedMeasurementAvro, 'decode whole')
  const tools = {
    catalog: filledCatalog(),
    scorer: createReferenceScorer({ halfLifeMs: 3_600_000 }),
    decode: projection.later,
    decodeKnown: projection.now,
    encodeEnriched: await createEncoder<PackedMeasurement>(registry, 't', enrichedMeasurementAvro),
    encodeDeadLetter: () => {
      throw new Error('nothing here is refused')
    },
    now: () => Date.UTC(2026, 0, 2),
    topics: { measurements: 'raw', enriched: 'enriched', state: 'state', deadLetters: 'dead' },
    limits: {
      ...{ parkedMax: 10, rowChunksMax: 100, clockAheadMaxMs: 60_000 },
      ...{ deadLetterConsecutiveMax: 10, deadLetterRatioMax: 1, deadLetterRatioWindow: 10 },
    },
  }
  const records = values.map((value, offset) => ({ key: null, value, timestampMs: 0, offset }))
  const range = { firstOffset: 0, nextOffset: values.length, endOffset: values.length + 1 }
  const ours = async () => {
    const store = new PartitionStore(tools.limits)
    const enricher = new PartitionEnricher({ partition: 0, tools, store, isCaughtUp: false })
    const { outcomes } = await enricher.onBatch({ topic: 'raw', partition: 0, records, ...range })
    expect(outcomes.get('enriched')).toBe(values.length)
  }
  expect(await ratio(ours, decodeWhole)).toBeLessThan(5)
})

import { describe, expect, it } from 'vitest'
import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { createReferenceScorer } from '@faultline/core/scoring'
import { MemoryBroker } from '@faultline/runtime/kafka/memory'
import {
  appendMeasurement,
  applyDevice,
  device,
  fromJson,
  measurementRow,
  testTools,
  testTopics,
} from '../partition/testing.ts'
import { startEnricher } from '../partition/testing-enricher.ts'
import type { EnrichmentTools } from '../partition/partition-enricher.ts'
import { replayPartition, type ReplayTools } from './replay-partition.ts'

/** Runs the enricher on what was appended until it is through. */
async function enrich(broker: MemoryBroker, tools: EnrichmentTools): Promise<void> {
  const running = startEnricher(broker, tools, 3)
  await running.settled()
  await running.catalogChanged()
  await running.stop()
  expect(running.fatal).toEqual([])
}

/** A history with everything that depends on positions: rules aside, which the join of models covers in the same way. */
async function lived(broker: MemoryBroker, tools: EnrichmentTools): Promise<void> {
  let id = 0
  const measure = (deviceId: string, lsn: number, count = 4) => {
    for (let n = 0; n < count; n++) {
      id++
      appendMeasurement(broker, {
        lsn,
        row: measurementRow(id, deviceId, [20 + ((id * 7) % 20), 5]),
      })
    }
  }
  for (const one of ['a', 'b']) applyDevice(tools, { lsn: 2, row: device(one) })
  measure('a', 10)
  measure('late', 11, 2)
  measure('b', 12)
  await enrich(broker, tools)
  applyDevice(tools, { lsn: 20, row: { ...device('a'), line: 'L2' } })
  measure('a', 21)
  applyDevice(tools, { lsn: 30, row: null, before: device('b') })
  await enrich(broker, tools)
  measure('b', 31)
  measure('nobody', 32, 2)
  await enrich(broker, tools)
  applyDevice(tools, { lsn: 40, row: device('b') })
  applyDevice(tools, { lsn: 41, row: device('late') })
  broker.append(testTopics.measurements, 0, { key: null, value: Buffer.from('{') })
  measure('late', 42)
  measure('b', 43)
  appendMeasurement(broker, { lsn: 10, row: measurementRow(1, 'a', [27, 5]) })
  await enrich(broker, tools)
}

const all = { partition: 0, from: 0, to: Number.MAX_SAFE_INTEGER }

/** The letters of the tests hold text, which the replay has no need of. */
function replayTools(broker: MemoryBroker, enrichment: EnrichmentTools): ReplayTools {
  return { history: broker.history(), enrichment }
}

async function corrector(broker: MemoryBroker) {
  const producer = await broker.transactionalProducers().open('replay')
  return { producer, encode: (record: EnrichedMeasurement) => Buffer.from(JSON.stringify(record)) }
}

const otherScorer = (tools: EnrichmentTools): EnrichmentTools => ({
  ...tools,
  scorer: createReferenceScorer({ halfLifeMs: 1_000 }),
})

describe('replayPartition', () => {
  it('gives the same records, whenever the enricher saw what happened to the devices', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    await lived(broker, tools)
    const { counts, dead_letters, waiting, first } = await replayPartition(
      replayTools(broker, tools),
      all,
    )
    expect({ first, counts, dead_letters, waiting }).toEqual({
      first: null,
      counts: {
        same: 26,
        different: 0,
        only_here: 0,
        only_there: 0,
        state_unknown: 0,
        out_of_order: 0,
      },
      dead_letters: 1,
      // Those of the device that nobody registered.
      waiting: 2,
    })
  })

  it('names the first field that differs, with both values', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    await lived(broker, tools)
    const { counts, first } = await replayPartition(replayTools(broker, otherScorer(tools)), all)
    expect(counts.different).toBeGreaterThan(0)
    expect(counts.same + counts.different).toBe(26)
    expect(first).toMatchObject({
      field: 'features',
      here: { decayed_faults: expect.any(Number) as number },
    })
  })

  it('corrects what differs with the next revision, once, also after a lost reply', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    await lived(broker, tools)
    const before = broker.read(testTopics.enriched, 0, 0).end
    const other = replayTools(broker, otherScorer(tools))
    broker.fate = () => 'lose the reply'
    const lost = replayPartition({ ...other, correct: await corrector(broker) }, all)
    await expect(lost).rejects.toMatchObject({ code: 'TRANSACTION_ABORTED' })
    broker.fate = () => 'commit'
    const again = await replayPartition({ ...other, correct: await corrector(broker) }, all)
    expect([again.counts.same, again.counts.different, again.corrected]).toEqual([26, 0, 0])
    const corrections = broker
      .read(testTopics.enriched, 0, before)
      .records.map(({ value }) => fromJson(value) as EnrichedMeasurement)
    expect(corrections.length).toBeGreaterThan(0)
    expect(corrections.every(({ revision }) => revision === 2)).toBe(true)
    const ids = corrections.map(({ event_id }) => event_id)
    expect(new Set(ids).size).toBe(ids.length)
    const back = await replayPartition(
      { ...replayTools(broker, tools), correct: await corrector(broker) },
      all,
    )
    expect(back.corrected).toBe(corrections.length)
  })

  it('names a record that is missing in the topic, and one that stands there twice', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    await lived(broker, tools)
    const records = broker
      .read(testTopics.enriched, 0, 0)
      .records.filter(({ value }) => value !== null)
    const copy = new MemoryBroker()
    for (const record of broker.read(testTopics.measurements, 0, 0).records) {
      copy.append(testTopics.measurements, 0, record)
    }
    for (const letter of broker.read(testTopics.deadLetters, 0, 0).records) {
      copy.append(testTopics.deadLetters, 0, letter)
    }
    for (const record of [...records.slice(1), ...records.slice(5, 6)]) {
      copy.append(testTopics.enriched, 0, record)
    }
    const { counts, first } = await replayPartition(replayTools(copy, tools), all)
    expect(counts).toMatchObject({ same: 25, only_here: 1, only_there: 1, out_of_order: 1 })
    expect(first).toMatchObject({
      event_id: '1',
      field: 'record',
      here: 'present',
      there: 'absent',
    })
  })
})

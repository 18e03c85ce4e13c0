import { describe, expect, it } from 'vitest'
import { replayHeaders } from '@faultline/contracts/dead-letter'
import { FaultlineError } from '@faultline/runtime/errors'
import { MemoryBroker } from '@faultline/runtime/kafka/memory'
import type { EnrichmentTools } from './partition-enricher.ts'
import {
  appendMeasurement,
  applyDevice,
  device,
  measurementRow,
  testTools,
  testTopics,
} from './testing.ts'
import { deadLetters, outputs, startEnricher } from './testing-enricher.ts'

const idOf = (decoded: unknown) =>
  Number((decoded as { readonly after: { readonly id: unknown } }).after.id)

describe('what the enricher refuses', () => {
  it('refuses unknown devices past the bound, and keeps the original bytes', async () => {
    const broker = new MemoryBroker()
    for (const id of [1, 2, 3])
      appendMeasurement(broker, { lsn: id, row: measurementRow(id, 'x', [1, 2]) })
    const running = startEnricher(broker, testTools({ parkedMax: 2 }))
    await running.settled()
    await running.stop()
    const [letter, ...rest] = deadLetters(broker)
    expect(rest).toEqual([])
    expect(letter).toMatchObject({ reason: 'DEVICE_UNKNOWN', source_offset: 2 })
    expect(letter?.value).toBe(
      broker.read(testTopics.measurements, 0, 2).records[0]?.value?.toString(),
    )
  })

  it.each([
    ['bytes that are not a record', () => Buffer.from('{'), 'UNDECODABLE'],
    ['a record of another schema', () => Buffer.from('{"hello":1}'), 'ROW_INVALID'],
  ])('makes a dead letter of %s and goes on', async (_name, bytes, reason) => {
    const broker = new MemoryBroker()
    const tools = testTools()
    applyDevice(tools, { lsn: 2, row: device('d') })
    broker.append(testTopics.measurements, 0, { key: null, value: bytes() })
    appendMeasurement(broker, { lsn: 10, row: measurementRow(1, 'd', [20, 5]) })
    const running = startEnricher(broker, tools)
    await running.settled()
    await running.stop()
    expect(deadLetters(broker)).toMatchObject([{ reason, source_offset: 0 }])
    expect(outputs(broker)).toHaveLength(1)
  })

  it.each([
    ['a clock in 2106', { measured_at: '2106-02-07T06:28:15Z' }, 'CLOCK_INVALID'],
    ['a clock that was never set', { measured_at: '1970-01-01T00:00:00Z' }, 'CLOCK_INVALID'],
    ['an infinite time', { measured_at: 'infinity' }, 'ROW_INVALID'],
    ['no readings', { readings: [] }, 'ROW_INVALID'],
    ['more readings than channels', { readings: [1, 2, 3] }, 'ROW_INVALID'],
    ['readings that are no numbers', { readings: ['1'] }, 'ROW_INVALID'],
    ['no device', { device_id: '' }, 'ROW_INVALID'],
    ['an id of 257 characters', { device_id: 'x'.repeat(257) }, 'ROW_INVALID'],
  ])('makes a dead letter of a row with %s', async (_name, fields, reason) => {
    const broker = new MemoryBroker()
    const tools = testTools()
    applyDevice(tools, { lsn: 2, row: device('d') })
    appendMeasurement(broker, { lsn: 9, row: { ...measurementRow(1, 'd', [20, 5]), ...fields } })
    const running = startEnricher(broker, tools)
    await running.settled()
    await running.stop()
    expect(deadLetters(broker)).toMatchObject([{ reason }])
  })

  // Hypothesis: what was read of a batch before the registry failed counts twice, or the rest becomes dead letters.
  it('stops where the registry does not answer, goes on after a restart, and refuses only what it does not know', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    applyDevice(tools, { lsn: 2, row: device('d') })
    const unknownId = 5
    const asked = new Set<number>()
    const known = new Set([1])
    const failing: EnrichmentTools = {
      ...tools,
      decodeKnown: (value) => {
        const decoded = tools.decodeKnown(value)
        return known.has(idOf(decoded?.value)) ? decoded : undefined
      },
      // Each schema is asked for twice: nobody answers the first time.
      decode: async (value) => {
        const decoded = await tools.decode(value)
        const id = idOf(decoded)
        if (!asked.has(id)) {
          asked.add(id)
          throw new FaultlineError('REGISTRY_UNAVAILABLE', 'away')
        }
        if (id === unknownId) throw new FaultlineError('SCHEMA_UNKNOWN', 'no such schema')
        known.add(id)
        return decoded
      },
    }
    for (let id = 1; id <= 8; id += 1) {
      appendMeasurement(broker, { lsn: 10 + id, row: measurementRow(id, 'd', [31, 5]) })
    }
    let stops = 0
    for (let isSettled = false; !isSettled;) {
      const running = startEnricher(broker, failing)
      await running.settled()
      await running.stop()
      isSettled = running.fatal.length === 0
      if (!isSettled) expect(running.fatal).toMatchObject([{ code: 'REGISTRY_UNAVAILABLE' }])
      stops += running.fatal.length
    }
    expect(stops).toBe(7)
    const rows = outputs(broker)
    expect(rows.map(({ event_id }) => event_id)).toEqual(['1', '2', '3', '4', '6', '7', '8'])
    expect(rows.map(({ features }) => features.events)).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(deadLetters(broker)).toMatchObject([{ reason: 'UNKNOWN_SCHEMA', source_offset: 4 }])
  })

  it('stops at a flood of dead letters, and a restart does not let it go on', async () => {
    const broker = new MemoryBroker()
    const append = () =>
      broker.append(testTopics.measurements, 0, { key: null, value: Buffer.from('{') })
    for (let n = 0; n < 9; n++) append()
    for (let restart = 0; restart < 3; restart++) {
      const running = startEnricher(broker, testTools({ deadLetterConsecutiveMax: 4 }), 2)
      await running.failed
      await running.stop()
      expect(running.fatal).toMatchObject([{ code: 'DEAD_LETTER_FLOOD' }])
      expect(deadLetters(broker).map((letter) => letter.source_offset)).toEqual([0, 1, 2, 3])
    }
    const raised = startEnricher(broker, testTools({ deadLetterConsecutiveMax: 100 }), 2)
    await raised.settled()
    await raised.stop()
    expect(deadLetters(broker)).toHaveLength(9)
  })

  it('stops when too many of the last records were refused, and counts on after a restart', async () => {
    const broker = new MemoryBroker()
    const limits = { deadLetterRatioMax: 0.5, deadLetterRatioWindow: 20 }
    const tools = testTools(limits)
    applyDevice(tools, { lsn: 2, row: device('d') })
    const append = (id: number, refused: boolean) => {
      const row = { ...measurementRow(id, 'd', [20, 5]), ...(refused && { readings: [] }) }
      return appendMeasurement(broker, { lsn: 10 + id, row })
    }
    // One in three is below the limit for ever; then two in three are not.
    for (let id = 0; id < 60; id++) append(id, id % 3 === 0)
    for (let id = 60; id < 100; id++) append(id, id % 3 !== 0)
    for (let restart = 0; restart < 3; restart++) {
      const running = startEnricher(broker, tools, 1)
      await running.failed
      await running.stop()
      expect(running.fatal).toMatchObject([
        {
          code: 'DEAD_LETTER_FLOOD',
          message: expect.stringContaining('10 of the last 20') as string,
          remedy: expect.stringContaining('DEAD_LETTER_RATIO_MAX') as string,
        },
      ])
      expect(deadLetters(broker)).toHaveLength(28)
    }
  })

  it('begins to count refusals anew when a record is enriched', async () => {
    const broker = new MemoryBroker()
    const tools = testTools({ deadLetterConsecutiveMax: 2 })
    applyDevice(tools, { lsn: 2, row: device('d') })
    for (let id = 1; id <= 5; id++) {
      for (let n = 0; n < 2; n++) {
        broker.append(testTopics.measurements, 0, { key: null, value: Buffer.from('{') })
      }
      appendMeasurement(broker, { lsn: 10 + id, row: measurementRow(id, 'd', [20, 5]) })
    }
    const running = startEnricher(broker, tools, 3)
    await running.settled()
    await running.stop()
    expect(running.fatal).toEqual([])
    expect([deadLetters(broker).length, outputs(broker).length]).toEqual([10, 5])
  })

  it('refuses what waited and does not fit its device, and takes it in when it is replayed', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    const row = measurementRow(1, 'late', [1, 2, 3])
    appendMeasurement(broker, { lsn: 10, row })
    const running = startEnricher(broker, tools)
    await running.settled()
    applyDevice(tools, { lsn: 20, row: device('late') })
    await running.catalogChanged()
    expect(deadLetters(broker)).toMatchObject([{ reason: 'ROW_INVALID', attempts: 1 }])
    const value = Buffer.from(deadLetters(broker)[0]?.value ?? '')
    const headers = { [replayHeaders.attempts]: '1' }
    broker.append(testTopics.measurements, 0, { key: null, value, headers })
    await running.settled()
    expect(deadLetters(broker)[1]).toMatchObject({ reason: 'ROW_INVALID', attempts: 2 })
    appendMeasurement(broker, { lsn: 10, row: { ...row, readings: [1, 2] } })
    await running.settled()
    await running.stop()
    expect(outputs(broker)).toHaveLength(1)
  })

  it('refuses a row that is too old to be known, and takes in an old id that is committed only now', async () => {
    const broker = new MemoryBroker()
    const tools = testTools({ rowChunksMax: 1 })
    applyDevice(tools, { lsn: 2, row: device('d') })
    const deliver = (id: number, lsn: number, isRead = false) =>
      appendMeasurement(broker, { lsn, row: { ...measurementRow(1, 'd', [20, 5]), id }, isRead })
    deliver(1, 10)
    deliver(9_000, 20)
    deliver(1, 10)
    deliver(2, 30, true)
    deliver(3, 40)
    const first = startEnricher(broker, tools, 1)
    await first.settled()
    await first.stop()
    deliver(3, 40)
    const second = startEnricher(broker, tools, 1)
    await second.settled()
    await second.stop()
    expect(outputs(broker).map(({ event_id }) => event_id)).toEqual(['1', '9000', '3'])
    expect(deadLetters(broker).map(({ reason }) => reason)).toEqual(Array(3).fill('ROW_FORGOTTEN'))
  })
})

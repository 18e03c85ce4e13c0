import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { replayHeaders } from '@faultline/contracts/dead-letter'
import { systemClock } from '@faultline/runtime/clock'
import { FaultlineError } from '@faultline/runtime/errors'
import { MemoryBroker, startMemoryReader, type CommitFate } from '@faultline/runtime/kafka/memory'
import { createLogger } from '@faultline/runtime/logging'
import type { EnrichmentTools } from './partition-enricher.ts'
import { EnricherHandler } from './enricher-handler.ts'
import {
  appendMeasurement,
  applyDevice,
  device,
  fromJson,
  measurementRow,
  testTools,
  testTopics,
} from './testing.ts'

const group = 'g'
const noDelay = { ...systemClock, sleep: () => Promise.resolve() }

/** A running enricher on a broker in memory; `settled` resolves when everything appended so far is committed. */
function start(broker: MemoryBroker, tools: EnrichmentTools, batchMax = 10) {
  const fatal: unknown[] = []
  const failed = Promise.withResolvers<undefined>()
  let handler: EnricherHandler | undefined
  const reader = startMemoryReader({
    broker,
    group,
    topic: testTopics.measurements,
    partitions: [0],
    batchMax,
    clock: noDelay,
    logger: createLogger('test', 'silent'),
    onFatal: (error) => {
      fatal.push(error)
      failed.resolve(undefined)
    },
    handler: ({ offsets }) =>
      (handler = new EnricherHandler({
        group,
        tools,
        offsets,
        producers: broker.transactionalProducers(),
        history: broker.history(),
        catalogFeed: { caughtUp: () => Promise.resolve() },
        onCommitted: () => undefined,
        onNotCommitted: () => undefined,
        onProgress: () => undefined,
      })),
  })
  const settled = async (): Promise<void> => {
    const { end } = broker.read(testTopics.measurements, 0, 0)
    const offsets = broker.groupOffsets(group, testTopics.measurements)
    for (;;) {
      const changed = broker.changed()
      if (fatal.length > 0 || ((await offsets.committed(0))?.offset ?? 0) >= end) return
      await Promise.race([changed, failed.promise])
    }
  }
  return {
    settled,
    fatal,
    failed: failed.promise,
    catalogChanged: () => reader.value.between(0, async () => handler?.onCatalogChange(0)),
    stop: () => reader.stop(),
  }
}

interface Output {
  readonly event_id: string
  readonly device_id: string
  readonly fault_score: number
  readonly features: { readonly events: number }
}

function outputs(broker: MemoryBroker): Output[] {
  return broker
    .read(testTopics.enriched, 0, 0)
    .records.filter(({ value }) => value !== null)
    .map(({ value }) => fromJson(value) as Output)
}

function deadLetters(broker: MemoryBroker) {
  return broker.read(testTopics.deadLetters, 0, 0).records.map(
    ({ value }) =>
      fromJson(value) as {
        reason: string
        value: string
        source_offset: number
        attempts: number
      },
  )
}

const idOf = (decoded: unknown) =>
  Number((decoded as { readonly after: { readonly id: unknown } }).after.id)

describe('EnricherHandler', () => {
  it('joins, scores and explains', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    applyDevice(tools, { lsn: 2, row: device('d') })
    appendMeasurement(broker, { lsn: 10, row: measurementRow(1, 'd', [31, 5]) })
    const running = start(broker, tools)
    await running.settled()
    await running.stop()
    expect(outputs(broker)).toMatchObject([
      {
        event_id: '1',
        device_id: 'd',
        type: 'pump',
        line: 'L1',
        car_number: 3,
        fault_score: 0.25,
        alert_level: 'warning',
        fault_reasons: ['HOT'],
        explanation: [
          { source: 'rule', code: 'HOT', channel: 'hot', value: 31, limit: 30, contribution: 0.25 },
        ],
        catalog_lsn: 2,
        revision: 1,
        source: { partition: 0, offset: 0, lsn: 10, transaction: '10' },
      },
    ])
  })

  it('lets a device that is not registered wait, also across a restart, and enriches in order once it is', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    for (const id of [1, 2, 3]) {
      appendMeasurement(broker, { lsn: 10 + id, row: measurementRow(id, 'new', [20, 5]) })
    }
    const first = start(broker, tools)
    await first.settled()
    await first.stop()
    expect(outputs(broker)).toEqual([])

    const second = start(broker, tools)
    appendMeasurement(broker, { lsn: 20, row: measurementRow(4, 'new', [20, 5]) })
    await second.settled()
    applyDevice(tools, { lsn: 30, row: device('new') })
    await second.catalogChanged()
    appendMeasurement(broker, { lsn: 40, row: measurementRow(5, 'new', [20, 5]) })
    await second.settled()
    await second.stop()
    expect(outputs(broker).map(({ event_id }) => event_id)).toEqual(['1', '2', '3', '4', '5'])
    expect(outputs(broker).map(({ features }) => features.events)).toEqual([1, 2, 3, 4, 5])

    const third = start(broker, tools)
    await third.settled()
    await third.stop()
    expect(outputs(broker)).toHaveLength(5)
  })

  it('refuses unknown devices past the bound, and keeps the original bytes', async () => {
    const broker = new MemoryBroker()
    for (const id of [1, 2, 3])
      appendMeasurement(broker, { lsn: id, row: measurementRow(id, 'x', [1, 2]) })
    const running = start(broker, testTools({ parkedMax: 2 }))
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
    const running = start(broker, tools)
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
    const running = start(broker, tools)
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
      const running = start(broker, failing)
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
      const running = start(broker, testTools({ deadLetterConsecutiveMax: 4 }), 2)
      await running.failed
      await running.stop()
      expect(running.fatal).toMatchObject([{ code: 'DEAD_LETTER_FLOOD' }])
      expect(deadLetters(broker).map((letter) => letter.source_offset)).toEqual([0, 1, 2, 3])
    }
    const raised = start(broker, testTools({ deadLetterConsecutiveMax: 100 }), 2)
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
      const running = start(broker, tools, 1)
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
    const running = start(broker, tools, 3)
    await running.settled()
    await running.stop()
    expect(running.fatal).toEqual([])
    expect([deadLetters(broker).length, outputs(broker).length]).toEqual([10, 5])
  })

  it('sees at its start what became of devices while it was away, without a new record', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    applyDevice(tools, { lsn: 2, row: device('old') })
    appendMeasurement(broker, { lsn: 10, row: measurementRow(1, 'old', [20, 5]) })
    appendMeasurement(broker, { lsn: 11, row: measurementRow(2, 'new', [20, 5]) })
    const first = start(broker, tools)
    await first.settled()
    await first.stop()
    applyDevice(tools, { lsn: 20, row: null, before: device('old') })
    applyDevice(tools, { lsn: 21, row: device('new') })
    const second = start(broker, tools)
    await second.catalogChanged()
    await second.stop()
    const records = broker.read(testTopics.enriched, 0, 0).records
    const seen = records.map(
      ({ key, value }) => `${String(key)} ${value === null ? 'gone' : 'measured'}`,
    )
    expect(seen).toEqual(['old measured', 'new measured', 'old gone'])
  })

  it('enriches what waited for a registration that was deleted again while it was away, and ends the device', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    appendMeasurement(broker, { lsn: 10, row: measurementRow(1, 'brief', [20, 5]) })
    appendMeasurement(broker, { lsn: 11, row: measurementRow(2, 'never', [20, 5]) })
    const first = start(broker, tools)
    await first.settled()
    await first.stop()
    applyDevice(tools, { lsn: 20, row: device('brief') })
    applyDevice(tools, { lsn: 21, row: null, before: device('brief') })
    const second = start(broker, tools)
    await second.catalogChanged()
    // Committed after the deletion: it waits for the next registration.
    appendMeasurement(broker, { lsn: 30, row: measurementRow(3, 'brief', [20, 5]) })
    await second.settled()
    await second.catalogChanged()
    await second.stop()
    const records = broker.read(testTopics.enriched, 0, 0).records
    const seen = records.map(
      ({ key, value }) => `${String(key)} ${value === null ? 'gone' : 'measured'}`,
    )
    expect(seen).toEqual(['brief measured', 'brief gone'])
  })

  it('drops rows that Debezium delivers again or a snapshot reads again, however many came since', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    applyDevice(tools, { lsn: 2, row: device('d') })
    const deliver = (id: number, isRead = false) =>
      appendMeasurement(broker, {
        lsn: isRead ? 5_000 : 10 + id,
        row: measurementRow(id, 'd', [20, 5]),
        isRead,
      })
    const ids = Array.from({ length: 100 }, (_, i) => i + 1)
    for (const id of [...ids, ...ids]) deliver(id)
    const first = start(broker, tools)
    await first.settled()
    await first.stop()
    for (const id of [...ids, 101]) deliver(id, true)
    const second = start(broker, tools)
    await second.settled()
    await second.stop()
    expect(outputs(broker).map(({ event_id }) => event_id)).toEqual([...ids, 101].map(String))
  })

  it('enriches a row once that is delivered again while it waits for its device', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    const deliver = () =>
      appendMeasurement(broker, { lsn: 10, row: measurementRow(1, 'late', [20, 5]) })
    deliver()
    deliver()
    const running = start(broker, tools)
    await running.settled()
    applyDevice(tools, { lsn: 20, row: device('late') })
    await running.catalogChanged()
    deliver()
    await running.settled()
    await running.stop()
    expect(outputs(broker)).toHaveLength(1)
  })

  it('refuses what waited and does not fit its device, and takes it in when it is replayed', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    const row = measurementRow(1, 'late', [1, 2, 3])
    appendMeasurement(broker, { lsn: 10, row })
    const running = start(broker, tools)
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
    const first = start(broker, tools, 1)
    await first.settled()
    await first.stop()
    deliver(3, 40)
    const second = start(broker, tools, 1)
    await second.settled()
    await second.stop()
    expect(outputs(broker).map(({ event_id }) => event_id)).toEqual(['1', '9000', '3'])
    expect(deadLetters(broker).map(({ reason }) => reason)).toEqual(Array(3).fill('ROW_FORGOTTEN'))
  })

  it('ends a deleted device once more when a measurement from before comes after its end', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    applyDevice(tools, { lsn: 1, row: device('d') })
    applyDevice(tools, { lsn: 1, row: device('other') })
    appendMeasurement(broker, { lsn: 10, row: measurementRow(1, 'd', [20, 5]) })
    const running = start(broker, tools, 1)
    await running.settled()
    applyDevice(tools, { lsn: 30, row: null, before: { device_id: 'd' } })
    await running.catalogChanged()
    // The first is no last record, so nothing is ended then; with the second nothing older can come any more.
    appendMeasurement(broker, { lsn: 20, row: measurementRow(2, 'd', [20, 5]) })
    appendMeasurement(broker, { lsn: 40, row: measurementRow(3, 'other', [20, 5]) })
    await running.settled()
    await running.stop()
    const ofDevice = broker
      .read(testTopics.enriched, 0, 0)
      .records.filter(({ key }) => String(key) === 'd')
      .map(({ value }) => value !== null)
    expect(ofDevice).toEqual([true, false, true, false])
  })

  it('ends a deleted device with a tombstone and forgets its state', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    applyDevice(tools, { lsn: 2, row: device('d') })
    appendMeasurement(broker, { lsn: 10, row: measurementRow(1, 'd', [20, 5]) })
    const running = start(broker, tools)
    await running.settled()
    applyDevice(tools, { lsn: 20, row: null, before: device('d') })
    await running.catalogChanged()
    await running.catalogChanged()
    applyDevice(tools, { lsn: 30, row: device('d') })
    appendMeasurement(broker, { lsn: 40, row: measurementRow(2, 'd', [20, 5]) })
    await running.settled()
    await running.stop()
    const values = broker
      .read(testTopics.enriched, 0, 0)
      .records.map(({ value }) => fromJson(value) as Output | null)
    expect(values.map((value) => value?.event_id ?? null)).toEqual(['1', null, '2'])
    expect(values[2]?.features.events).toBe(1)
  })

  // Hypothesis: when the enricher notices a deletion decides what becomes of the device's state.
  it.each([
    ['before the measurements after it', ['delete', 'measure', 'register']],
    ['together with the registration after it', ['delete and register', 'measure']],
    [
      'before a measurement that was committed earlier',
      ['delete', 'measure earlier', 'register', 'measure'],
    ],
  ])('begins a device anew behind its deletion, noticed %s', async (_name, steps) => {
    const broker = new MemoryBroker()
    const tools = testTools()
    applyDevice(tools, { lsn: 2, row: device('d') })
    appendMeasurement(broker, { lsn: 10, row: measurementRow(1, 'd', [20, 5]) })
    const running = start(broker, tools)
    await running.settled()
    let earlier = 0
    for (const step of steps) {
      if (step.startsWith('delete')) applyDevice(tools, { lsn: 20, row: null, before: device('d') })
      if (step.endsWith('register')) applyDevice(tools, { lsn: 30, row: device('d') })
      await running.catalogChanged()
      if (step === 'measure earlier') {
        appendMeasurement(broker, { lsn: 15, row: measurementRow(2, 'd', [20, 5]) })
        earlier = 1
      }
      if (step === 'measure') {
        appendMeasurement(broker, { lsn: 25, row: measurementRow(3, 'd', [20, 5]) })
      }
      await running.settled()
    }
    await running.catalogChanged()
    await running.stop()
    const records = broker
      .read(testTopics.enriched, 0, 0)
      .records.map(({ value }) => (fromJson(value) as Output | null)?.features.events ?? null)
    expect(records.filter((events) => events !== null)).toEqual(earlier === 1 ? [1, 2, 1] : [1, 1])
    // What the stores hold of the former device ends before the new one begins.
    expect(records.slice(-2)).toEqual([null, 1])
  })

  it('fences a former owner that wakes up', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    applyDevice(tools, { lsn: 2, row: device('d') })
    const zombie = start(broker, tools)
    await zombie.settled()
    const successor = start(broker, tools)
    appendMeasurement(broker, { lsn: 10, row: measurementRow(1, 'd', [20, 5]) })
    await successor.settled()
    await zombie.stop()
    await successor.stop()
    expect(outputs(broker)).toHaveLength(1)
    expect([...zombie.fatal, ...successor.fatal]).toEqual([])
  })

  // Hypothesis: a commit that fails, or succeeds without a reply, makes the batch enriched twice or not at all, or leaves the
  // device's state ahead of its records.
  it('enriches every measurement once, whatever becomes of commits and wherever it restarts', async () => {
    const fate = fc.constantFrom<CommitFate>('commit', 'commit', 'lose the reply', 'abort')
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            device: fc.constantFrom('a', 'b', 'unknown'),
            hot: fc.integer({ min: 0, max: 60 }),
          }),
          {
            minLength: 1,
            maxLength: 60,
          },
        ),
        fc.array(fate, { maxLength: 12 }),
        fc.integer({ min: 1, max: 7 }),
        async (rows, fates, batchMax) => {
          const undisturbed = await runAll(rows, [], batchMax)
          const disturbed = await runAll(rows, fates, batchMax)
          expect(disturbed).toEqual(undisturbed)
          expect(disturbed).toHaveLength(rows.length)
        },
      ),
      { numRuns: 100 },
    )
  })
})

type Rows = readonly { readonly device: string; readonly hot: number }[]

/** Feeds the rows in two halves with a restart between, registers the unknown device at the end, returns what came out. */
async function runAll(
  rows: Rows,
  fates: readonly CommitFate[],
  batchMax: number,
): Promise<unknown[]> {
  const broker = new MemoryBroker()
  const tools = testTools()
  for (const id of ['a', 'b']) applyDevice(tools, { lsn: 2, row: device(id) })
  const left = [...fates]
  broker.fate = () => left.shift() ?? 'commit'
  const half = Math.floor(rows.length / 2)
  for (const part of [rows.slice(0, half), rows.slice(half)]) {
    const running = start(broker, tools, batchMax)
    part.forEach((row, index) => {
      const id = (part.length === half && part[0] === rows[0] ? 0 : half) + index + 1
      appendMeasurement(broker, { lsn: 10 + id, row: measurementRow(id, row.device, [row.hot, 5]) })
    })
    await running.settled()
    await running.stop()
    expect(running.fatal).toEqual([])
  }
  const last = start(broker, tools, batchMax)
  await last.settled()
  applyDevice(tools, { lsn: 1_000, row: device('unknown') })
  appendMeasurement(broker, { lsn: 2_000, row: measurementRow(1_000, 'nobody', [0, 0]) })
  await last.settled()
  await last.catalogChanged()
  await last.stop()
  return outputs(broker).sort((x, y) => Number(x.event_id) - Number(y.event_id))
}

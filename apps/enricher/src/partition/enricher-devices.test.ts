import { describe, expect, it } from 'vitest'
import { MemoryBroker } from '@faultline/runtime/kafka/memory'
import {
  appendMeasurement,
  applyDevice,
  device,
  fromJson,
  measurementRow,
  testTools,
  testTopics,
} from './testing.ts'
import { outputs, startEnricher, type Output } from './testing-enricher.ts'

describe('devices that come and go', () => {
  it('lets a device that is not registered wait, also across a restart, and enriches in order once it is', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    for (const id of [1, 2, 3]) {
      appendMeasurement(broker, { lsn: 10 + id, row: measurementRow(id, 'new', [20, 5]) })
    }
    const first = startEnricher(broker, tools)
    await first.settled()
    await first.stop()
    expect(outputs(broker)).toEqual([])

    const second = startEnricher(broker, tools)
    appendMeasurement(broker, { lsn: 20, row: measurementRow(4, 'new', [20, 5]) })
    await second.settled()
    applyDevice(tools, { lsn: 30, row: device('new') })
    await second.catalogChanged()
    appendMeasurement(broker, { lsn: 40, row: measurementRow(5, 'new', [20, 5]) })
    await second.settled()
    await second.stop()
    expect(outputs(broker).map(({ event_id }) => event_id)).toEqual(['1', '2', '3', '4', '5'])
    expect(outputs(broker).map(({ features }) => features.events)).toEqual([1, 2, 3, 4, 5])

    const third = startEnricher(broker, tools)
    await third.settled()
    await third.stop()
    expect(outputs(broker)).toHaveLength(5)
  })

  it('sees at its start what became of devices while it was away, without a new record', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    applyDevice(tools, { lsn: 2, row: device('old') })
    appendMeasurement(broker, { lsn: 10, row: measurementRow(1, 'old', [20, 5]) })
    appendMeasurement(broker, { lsn: 11, row: measurementRow(2, 'new', [20, 5]) })
    const first = startEnricher(broker, tools)
    await first.settled()
    await first.stop()
    applyDevice(tools, { lsn: 20, row: null, before: device('old') })
    applyDevice(tools, { lsn: 21, row: device('new') })
    const second = startEnricher(broker, tools)
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
    const first = startEnricher(broker, tools)
    await first.settled()
    await first.stop()
    applyDevice(tools, { lsn: 20, row: device('brief') })
    applyDevice(tools, { lsn: 21, row: null, before: device('brief') })
    const second = startEnricher(broker, tools)
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

  it('ends a deleted device once more when a measurement from before comes after its end', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    applyDevice(tools, { lsn: 1, row: device('d') })
    applyDevice(tools, { lsn: 1, row: device('other') })
    appendMeasurement(broker, { lsn: 10, row: measurementRow(1, 'd', [20, 5]) })
    const running = startEnricher(broker, tools, 1)
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
    const running = startEnricher(broker, tools)
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
    const running = startEnricher(broker, tools)
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
})

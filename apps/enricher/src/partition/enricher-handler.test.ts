import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryBroker, type CommitFate } from '@faultline/runtime/kafka/memory'
import { appendMeasurement, applyDevice, device, measurementRow, testTools } from './testing.ts'
import { outputs, startEnricher } from './testing-enricher.ts'

describe('EnricherHandler', () => {
  it('joins, scores and explains', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    applyDevice(tools, { lsn: 2, row: device('d') })
    appendMeasurement(broker, { lsn: 10, row: measurementRow(1, 'd', [31, 5]) })
    const running = startEnricher(broker, tools)
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
    const first = startEnricher(broker, tools)
    await first.settled()
    await first.stop()
    for (const id of [...ids, 101]) deliver(id, true)
    const second = startEnricher(broker, tools)
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
    const running = startEnricher(broker, tools)
    await running.settled()
    applyDevice(tools, { lsn: 20, row: device('late') })
    await running.catalogChanged()
    deliver()
    await running.settled()
    await running.stop()
    expect(outputs(broker)).toHaveLength(1)
  })

  it('fences a former owner that wakes up', async () => {
    const broker = new MemoryBroker()
    const tools = testTools()
    applyDevice(tools, { lsn: 2, row: device('d') })
    const zombie = startEnricher(broker, tools)
    await zombie.settled()
    const successor = startEnricher(broker, tools)
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
    const running = startEnricher(broker, tools, batchMax)
    part.forEach((row, index) => {
      const id = (part.length === half && part[0] === rows[0] ? 0 : half) + index + 1
      appendMeasurement(broker, { lsn: 10 + id, row: measurementRow(id, row.device, [row.hot, 5]) })
    })
    await running.settled()
    await running.stop()
    expect(running.fatal).toEqual([])
  }
  const last = startEnricher(broker, tools, batchMax)
  await last.settled()
  applyDevice(tools, { lsn: 1_000, row: device('unknown') })
  appendMeasurement(broker, { lsn: 2_000, row: measurementRow(1_000, 'nobody', [0, 0]) })
  await last.settled()
  await last.catalogChanged()
  await last.stop()
  return outputs(broker).sort((x, y) => Number(x.event_id) - Number(y.event_id))
}

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { auditWarehouse, DigestTable } from '@faultline/audit/warehouse'
import { systemClock } from '@faultline/runtime/clock'
import { rollUpLevels } from '../../../apps/clickhouse-sink/src/warehouse/warehouse-writer.ts'
import { openClickhouse, type ClickhouseWarehouse } from '../../support/clickhouse-warehouse.ts'
import { connection } from '../../support/connection.ts'
import { fleetLogs, type LoggedRecord } from '../../support/serving-logs.ts'

/** Hypothesis: what the sink stores equals the topic; a row that is gone, a column or a roll-up that is another, is named. */

const shape = { records: 300, partitions: 2, devices: 6, seed: 7 }
const sync = 'SETTINGS mutations_sync = 2'

let clickhouse: ClickhouseWarehouse
let topic: string
let logs: readonly (readonly LoggedRecord[])[]
beforeAll(async () => {
  clickhouse = openClickhouse(connection().clickhouseUrl)
  await clickhouse.writer.ensure()
})
afterAll(() => clickhouse.close())

beforeEach(async () => {
  topic = `audit-${randomUUID()}`
  logs = fleetLogs(shape)
  for (const [partition, log] of logs.entries()) {
    const end = (log.at(-1)?.offset ?? 0) + 1
    const ingestedAt = Math.floor(Date.now() / 1_000)
    const range = { topic, partition, start: 0, end, ingestedAt }
    await clickhouse.writer.insertRange(range, measurements(log), false)
    for (const level of rollUpLevels) {
      let next = 0
      while (next < end) next = await clickhouse.writer.rollUp({ topic, partition }, level, end)
    }
  }
})

/** The rows of a log; devices belong to the test's own topic. */
const measurements = (log: readonly LoggedRecord[]) =>
  log.flatMap(({ offset, measurement }) =>
    measurement === null
      ? []
      : [{ offset, measurement: { ...measurement, device_id: own(measurement.device_id) } }],
  )
const own = (deviceId: string) => `${topic}/${deviceId}`
const placed = () =>
  logs.flatMap((log, partition) => measurements(log).map((row) => ({ topic, partition, ...row })))

async function audit() {
  const digests = new DigestTable()
  for (const row of placed()) digests.add(row)
  const ends = logs.map((log, p) => [p, { first: 0, next: (log.at(-1)?.offset ?? 0) + 1 }] as const)
  return await auditWarehouse({
    clickhouse: clickhouse.client,
    clock: systemClock,
    topic,
    digests,
    offsets: new Map(ends),
    reread: ({ partition, deviceId, first, last }) =>
      Promise.resolve(
        placed().filter(
          (row) =>
            row.partition === partition &&
            row.measurement.device_id === deviceId &&
            row.offset >= first &&
            row.offset <= last,
        ),
      ),
  })
}

it('finds nothing in what the sink stored', async () => {
  const { differences, compared } = await audit()
  expect(differences).toEqual([])
  expect(compared['rows']).toBe(placed().length)
})

it('names a row that was deleted, and one column that is another', async () => {
  const [lost, changed] = placed().filter(({ partition }) => partition === 1)
  if (lost === undefined || changed === undefined) throw new Error('too few rows')
  const place = `topic = {topic:String} AND topic_partition = 1 AND topic_offset = {offset:UInt64}`
  await clickhouse.client.run('delete a row', {
    sql: `ALTER TABLE app.enriched_measurements DELETE WHERE ${place} ${sync}`,
    parameters: { topic, offset: lost.offset },
  })
  await clickhouse.client.run('change a column', {
    sql: `ALTER TABLE app.enriched_measurements UPDATE fault_score = 0.4375 WHERE ${place} ${sync}`,
    parameters: { topic, offset: changed.offset },
  })
  const { differences } = await audit()
  const rows = differences.filter(({ key }) => key === 'app.enriched_measurements')
  expect(rows.find(({ at }) => at === `1:${lost.offset}`)).toMatchObject({
    expected: expect.stringContaining(lost.measurement.event_id) as unknown,
    actual: null,
  })
  expect(rows.find(({ at }) => at === `1:${changed.offset}`)).toMatchObject({
    field: expect.stringMatching(/ fault_score$/) as unknown,
    expected: String(changed.measurement.fault_score),
    actual: '0.4375',
  })
  expect(rows).toHaveLength(2)
})

it('names the bucket of a roll-up that lost a part', async () => {
  const [row] = placed()
  const id = row?.measurement.device_id ?? ''
  await clickhouse.client.run('delete a bucket', {
    sql: `ALTER TABLE app.measurements_1day DELETE WHERE device_id = {id:String} ${sync}`,
    parameters: { id },
  })
  const { differences } = await audit()
  expect(differences[0]).toMatchObject({
    key: 'app.measurements_1day',
    field: expect.stringContaining(id) as unknown,
    expected: expect.stringMatching(/^count \d+, sum /) as unknown,
    actual: 'count 0, sum 0',
  })
})

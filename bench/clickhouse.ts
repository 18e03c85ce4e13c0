/**
 * The warehouse by itself, on an embedded ClickHouse of its own in the temporary folder: how fast rows go in by format, what the roll-ups cost
 * where a bucket holds one row and where it holds many, how long the questions of the API and of reports take, and how many bytes a
 * reading takes on disk. Rows are generated in place, a frame a device and minute for seven days. Ends with one line of JSON. Linux only.
 *
 *   npm run bench:clickhouse -- --sizes 100000x100,1000000x100 --runs 5
 *   … --sizes 10000000x10     rows x channels; a reading takes about 10 bytes with its roll-ups
 */
import { availableParallelism, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { ClickhouseProcess } from '../test/support/clickhouse-process.ts'
import { openClickhouse } from '../test/support/clickhouse-warehouse.ts'
import { measureFormats } from './clickhouse/formats.ts'
import { generateRows, rollUpAll, week } from './clickhouse/history.ts'
import { bytesPerPoint, measureQuestions } from './clickhouse/questions.ts'
import { processorSeconds } from './end-to-end/processor-time.ts'
import { print } from './running-product.ts'

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100000x100,1000000x100' },
    rows: { type: 'string', default: '50000' },
    runs: { type: 'string', default: '5' },
  },
})
const runs = Number(values.runs)
const sizes = values.sizes.split(',').map((size) => size.split('x').map(Number))
const requestTimeoutMs = 600_000
const stepRows = 10_000
const eightDaysS = 8 * 86_400

const server = await ClickhouseProcess.start()
const warehouse = openClickhouse(server.url, requestTimeoutMs)
const { client, writer } = warehouse
const cpuSeconds = async () =>
  (await processorSeconds(new Map([['server', server.pid]]))).get('server') ?? Number.NaN

/** Of this size: an emptied table may still know the tokens of what it held. */
let partition = 0

/** Empties what the sizes before left. */
async function empty(): Promise<void> {
  const tables = [
    'enriched_measurements',
    ...['1min', '1hour', '1day'].map((l) => `measurements_${l}`),
  ]
  partition += 1
  for (const table of tables) await client.run('emptying', { sql: `TRUNCATE TABLE app.${table}` })
}

/** Roll-ups of ten thousand devices with one row each: every row is a bucket of its own, the dearest there is. */
async function dearestRollUps() {
  const one = { ...week(partition, 0, 100), devices: stepRows, minutes: 1 }
  const end = await generateRows(client, one)
  return await rollUpAll(writer, { partition, end, stepRows }, cpuSeconds)
}

async function measureSize(rows: number, channels: number) {
  await empty()
  const plan = week(partition, rows, channels)
  const startedMs = performance.now()
  const count = await generateRows(client, plan)
  const generatedS = Math.round((performance.now() - startedMs) / 1_000)
  const rollUpUs = await rollUpAll(writer, { partition, end: count, stepRows }, cpuSeconds)
  const points = count * channels
  print(
    `${count} rows of ${channels} channels, ${plan.devices} devices: written in ${generatedS} s`,
  )
  const questions = await measureQuestions(client, channels, runs)
  const found = { rows: count, points, rollUpUs, questions }
  return { ...found, bytesPerPoint: await bytesPerPoint(client, points) }
}

/** Parts of rows older than seven days are compressed harder, as soon as they are written where the rows come late. */
async function recompressed() {
  await empty()
  const plan = week(partition, 100_000, 100)
  const old = { ...plan, ingestedAt: plan.ingestedAt - eightDaysS }
  const end = await generateRows(client, old)
  await rollUpAll(writer, { partition, end, stepRows }, cpuSeconds)
  return await bytesPerPoint(client, end * plan.channels)
}

try {
  await writer.ensure()
  const load = loadavg()[0]
  const formats = await measureFormats({
    url: server.url,
    warehouse,
    rows: Number(values.rows),
    runs,
    cpuSeconds,
  })
  print(JSON.stringify(formats, null, 2))
  const oneRowBuckets = await dearestRollUps()
  print(`roll-ups where each row is a bucket, us a row: ${JSON.stringify(oneRowBuckets)}`)
  const found = []
  for (const [rows = 0, channels = 0] of sizes) {
    const size = await measureSize(rows, channels)
    print(JSON.stringify(size, null, 2))
    found.push(size)
  }
  const afterSevenDays = await recompressed()
  const { ratio, ratioSpread, ...byFormat } = formats
  const [ours, peer] = [byFormat.RowBinary.rowsPerSecond, byFormat.JSONEachRow.rowsPerSecond]
  const result = { bench: 'clickhouse', ours, peer, ratio, runs, spread: ratioSpread }
  const machine = { processors: availableParallelism(), load }
  const bytes = { bytesPerPointAfterSevenDays: afterSevenDays }
  print(
    JSON.stringify({
      ...result,
      formats: byFormat,
      oneRowBuckets,
      sizes: found,
      ...bytes,
      machine,
    }),
  )
} finally {
  await warehouse.close()
  await server.remove()
}

/**
 * Rows of 100 channels posted to the API as NDJSON, until they are committed, each request with an Idempotency-Key; and beside it binary COPY of
 * the same rows prepared beforehand, by psql where the machine has one. PostgreSQL and the API are its own, on this machine. Ends with one
 * line of JSON. With --minutes, rows are posted for so long as fast as they are taken, and the memory of the API is watched: its second half
 * beside its first.
 *
 *   npm run bench:ingest-http -- --rows 100000 --per-request 1000 --callers 4 --runs 5
 *   npm run bench:ingest-http -- --minutes 10
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connectPostgres } from '@faultline/runtime/postgres'
import { startPostgresServer } from '../test/support/postgres-server.ts'
import { frameChannels, makeFrames } from './ingest/frames.ts'
import { HttpBench } from './ingest/http.ts'
import { PreparedCopy } from './ingest/prepared-copy.ts'
import { median, ratios, spread } from './statistics.ts'
import { print } from './running-product.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    'per-request': { type: 'string', default: '1000' },
    callers: { type: 'string', default: '4' },
    runs: { type: 'string', default: '5' },
    minutes: { type: 'string' },
  },
})
const rows = Number(values.rows)
const runs = Number(values.runs)
const rowsPerRequest = Number(values['per-request'])
const callers = Number(values.callers)

const millions = (seconds: number) => (rows * frameChannels) / seconds / 1e6

const folder = mkdtempSync(join(tmpdir(), 'faultline-bench-'))
const server = await startPostgresServer()
const { databaseUrl } = server
const connection = await connectPostgres({ databaseUrl, applicationName: 'bench' })
const records = makeFrames(rows)
const http = await HttpBench.start({ connection, databaseUrl, records, rowsPerRequest, callers })

try {
  await (values.minutes === undefined ? compare() : endure(Number(values.minutes)))
} finally {
  await http.stop()
  await connection.close()
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
}

async function compare(): Promise<void> {
  const copy = await PreparedCopy.make({ databaseUrl, connection, folder, records })
  // The first of each warms up: partition, caches, compiled code.
  await http.post()
  await copy.run()
  const ours: number[] = []
  const peer: number[] = []
  const processor: number[] = []
  const memory: number[] = []
  for (let run = 0; run < runs; run += 1) {
    const posted = await http.post()
    ours.push(millions(posted.seconds))
    processor.push((posted.processorSeconds / rows) * 1e6)
    memory.push(posted.megabytes)
    peer.push(millions(await copy.run()))
    print(
      `run ${run + 1}: HTTP ${ours.at(-1)?.toFixed(2)} M points/s, ${processor.at(-1)?.toFixed(1)} µs of the API's processor a row; ${copy.name} ${peer.at(-1)?.toFixed(2)} M points/s`,
    )
  }
  const pairs = ratios(ours, peer)
  print(
    JSON.stringify({
      bench: 'ingest-http',
      unit: 'million points a second',
      ours: median(ours),
      peer: median(peer),
      peer_is: copy.name,
      ratio: median(pairs),
      runs,
      spread: { ours: spread(ours), peer: spread(peer), ratio: spread(pairs) },
      rows,
      channels: frameChannels,
      rows_per_request: rowsPerRequest,
      callers,
      bytes_a_row: Math.round(http.bytes / rows),
      api_microseconds_a_row: spread(processor),
      api_resident_megabytes: spread(memory),
    }),
  )
}

async function endure(minutes: number): Promise<void> {
  const { rows: taken, ...memory } = await http.endure(minutes, print)
  print(
    JSON.stringify({
      bench: 'ingest-http-memory',
      unit: 'resident megabytes of the API',
      ours: memory.second_half_megabytes,
      peer: memory.first_half_megabytes,
      peer_is: 'the first half of the time',
      minutes,
      rows_per_request: rowsPerRequest,
      callers,
      rows: taken,
      million_points_a_second: Math.round((taken * frameChannels) / memory.seconds / 1e4) / 100,
      ...memory,
    }),
  )
}

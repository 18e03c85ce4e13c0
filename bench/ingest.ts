/**
 * Frame files to committed rows: 50,000 frames of 100 channels by the collector, into the table as it is in production
 * (partitioned, published, logical log), and beside it binary COPY of the same rows prepared beforehand, by psql where the
 * machine has one. PostgreSQL is its own, on this machine. Ends with one line of JSON. With --minutes, frames are given at --rate
 * (max: as fast as they are taken) for so long instead, and the memory of the collector is watched: its second half beside its first.
 * --points is COLLECT_POINTS_MAX.
 *
 *   npm run bench:ingest -- --runs 7
 *   npm run bench:ingest -- --minutes 10 --rate max
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connectPostgres } from '@faultline/runtime/postgres'
import { startPostgresServer } from '../test/support/postgres-server.ts'
import { FilesBench } from './ingest/files.ts'
import { frameChannels, makeFrames } from './ingest/frames.ts'
import { PreparedCopy } from './ingest/prepared-copy.ts'
import { median, ratios, spread } from './statistics.ts'
import { print } from './running-product.ts'

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '50000' },
    runs: { type: 'string', default: '7' },
    minutes: { type: 'string' },
    rate: { type: 'string', default: 'max' },
    points: { type: 'string' },
  },
})
const frames = Number(values.frames)
const runs = Number(values.runs)

const millions = (seconds: number) => (frames * frameChannels) / seconds / 1e6

const folder = mkdtempSync(join(tmpdir(), 'faultline-bench-'))
const server = await startPostgresServer()
const connection = await connectPostgres({
  databaseUrl: server.databaseUrl,
  applicationName: 'bench',
})
const { databaseUrl } = server
const pointsMax = values.points
const files = await FilesBench.start({ connection, databaseUrl, folder, pointsMax })

try {
  await (values.minutes === undefined ? compare() : endure(Number(values.minutes)))
} finally {
  await files.stop()
  await connection.close()
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
}

async function compare(): Promise<void> {
  const records = makeFrames(frames)
  const copy = await PreparedCopy.make({ ...server, connection, folder, records })
  // The first of each warms up: partition, caches, compiled code.
  await files.collect(records)
  await copy.run()
  const ours: number[] = []
  const peer: number[] = []
  const processor: number[] = []
  for (let run = 0; run < runs; run += 1) {
    const collected = await files.collect(records)
    ours.push(millions(collected.seconds))
    peer.push(millions(await copy.run()))
    processor.push(collected.collectorSeconds + collected.postgresSeconds)
    print(
      `run ${run + 1}: collector ${ours.at(-1)?.toFixed(2)} M points/s, processor time ${collected.collectorSeconds.toFixed(2)} s and PostgreSQL ${collected.postgresSeconds.toFixed(2)} s; ${copy.name} ${peer.at(-1)?.toFixed(2)} M points/s`,
    )
  }
  const pairs = ratios(ours, peer)
  print(
    JSON.stringify({
      bench: 'ingest-files',
      unit: 'million points a second',
      ours: median(ours),
      peer: median(peer),
      peer_is: copy.name,
      ratio: median(pairs),
      processor_seconds: median(processor),
      runs,
      spread: { ours: spread(ours), peer: spread(peer), ratio: spread(pairs) },
      frames,
      channels: frameChannels,
    }),
  )
}

async function endure(minutes: number): Promise<void> {
  const rate = values.rate === 'max' ? Infinity : Number(values.rate)
  const { frames: taken, ...memory } = await files.endure({ minutes, rate, report: print })
  print(
    JSON.stringify({
      bench: 'ingest-files-memory',
      unit: 'resident megabytes of the collector',
      ours: memory.second_half_megabytes,
      peer: memory.first_half_megabytes,
      peer_is: 'the first half of the time',
      minutes,
      rate: values.rate,
      points_max: values.points ?? 'default',
      frames: taken,
      million_points_a_second: Math.round((taken * frameChannels) / memory.seconds / 1e4) / 100,
      ...memory,
    }),
  )
}

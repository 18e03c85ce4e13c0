/**
 * Messages of an MQTT broker until they are acknowledged, and so committed: each a measurement of 100 channels as a frame or as JSON. Beside it the
 * same messages to a subscriber that throws them away, which is what broker and client take. Broker, PostgreSQL and source are its own,
 * each a process on this machine. Ends with one line of JSON.
 *
 *   npm run bench:ingest-mqtt -- --messages 50000 --payload json --runs 5
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connectPostgres } from '@faultline/runtime/postgres'
import { startPostgresServer } from '../test/support/postgres-server.ts'
import { MqttBench } from './ingest/mqtt.ts'
import { print } from './running-product.ts'
import { median, ratios, spread } from './statistics.ts'

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '50000' },
    payload: { type: 'string', default: 'frame' },
    'in-flight': { type: 'string', default: '1000' },
    runs: { type: 'string', default: '5' },
  },
})
const messages = Number(values.messages)
const payload = values.payload === 'json' ? 'json' : 'frame'
const inFlightMax = Number(values['in-flight'])
const runs = Number(values.runs)

const folder = mkdtempSync(join(tmpdir(), 'faultline-bench-'))
const server = await startPostgresServer()
const { databaseUrl } = server
const connection = await connectPostgres({ databaseUrl, applicationName: 'bench' })
const mqtt = await MqttBench.start({ connection, databaseUrl, folder, inFlightMax })

try {
  await compare()
} finally {
  await mqtt.stop()
  await connection.close()
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
}

async function compare(): Promise<void> {
  const ours: number[] = []
  const peer: number[] = []
  const processor: number[] = []
  for (let run = 0; run < runs; run += 1) {
    const { seconds, sourceSeconds } = await mqtt.commit(messages, payload)
    ours.push(messages / seconds)
    processor.push((sourceSeconds / messages) * 1e6)
    peer.push(messages / (await mqtt.discard(messages, payload)))
    print(
      `run ${run + 1}: ${ours.at(-1)?.toFixed(0)} messages/s, ${processor.at(-1)?.toFixed(1)} µs of the source's processor each; thrown away ${peer.at(-1)?.toFixed(0)} messages/s`,
    )
  }
  const pairs = ratios(ours, peer)
  print(
    JSON.stringify({
      bench: 'ingest-mqtt',
      unit: 'messages a second',
      ours: median(ours),
      peer: median(peer),
      peer_is: 'the same messages to a subscriber that throws them away',
      ratio: median(pairs),
      runs,
      spread: { ours: spread(ours), peer: spread(peer), ratio: spread(pairs) },
      messages,
      payload,
      in_flight: inFlightMax,
      source_microseconds_a_message: spread(processor),
    }),
  )
}

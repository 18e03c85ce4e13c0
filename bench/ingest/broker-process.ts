/**
 * An MQTT broker in a process of its own, with the devices that publish to it: started by bench:ingest-mqtt. Each `Round` it is sent is
 * published and answered with the seconds until all of it was acknowledged.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { encodeFrame, frameChannels } from '@faultline/core/frame'
import { MqttBroker } from '../../test/support/mqtt-broker.ts'

export interface Round {
  readonly messages: number
  readonly payload: 'frame' | 'json'
  /** The same of two rounds: the same messages. */
  readonly number: number
}

/** More than a subscriber takes at a time, and not so many that the broker itself is slow. */
const unacknowledgedMax = 2_000

const broker = await MqttBroker.start()
process.on('message', (round: Round) => {
  void publish(round).then((seconds) => process.send?.({ seconds }))
})
process.on('disconnect', () => {
  void broker[Symbol.asyncDispose]().then(() => process.exit(0))
})
process.send?.({ url: broker.url })

async function publish({ messages, payload, number }: Round): Promise<number> {
  const made = Array.from({ length: messages }, (_, n) => makeMessage(payload, number, n))
  const start = broker.acknowledged
  const startedMs = performance.now()
  for (const [n, { topic, bytes }] of made.entries()) {
    while (n - (broker.acknowledged - start) >= unacknowledgedMax) await nextTurn()
    await broker.publish(topic, bytes)
  }
  while (broker.acknowledged - start < messages) await nextTurn()
  return (performance.now() - startedMs) / 1_000
}

function makeMessage(payload: Round['payload'], round: number, n: number) {
  const deviceId = `BENCH-${String(n % 500).padStart(4, '0')}`
  const measuredAtMs = Date.UTC(2026, 10, 1) + round * 10_000_000 + n
  const readings = Array.from(
    { length: frameChannels },
    () => Math.round(Math.random() * 1e5) / 1e3,
  )
  const bytes =
    payload === 'frame'
      ? encodeFrame({ deviceId, measuredAtMs, carNumber: n, readings: Float32Array.from(readings) })
      : Buffer.from(JSON.stringify({ measured_at: measuredAtMs, readings, car_number: n }))
  return { topic: `fleet/${deviceId}/measurements`, bytes }
}

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import { subscribeMqtt } from '@faultline/runtime/mqtt'
import { AppProcess } from '../../test/support/app-process.ts'
import type { Round } from './broker-process.ts'

interface MqttOptions {
  readonly connection: PostgresConnection
  readonly databaseUrl: string
  readonly folder: string
  readonly inFlightMax: number
}

/** A broker of its own, and whoever takes its messages. */
export class MqttBench {
  readonly #options: MqttOptions
  readonly #broker: ChildProcess
  readonly #url: string
  #rounds = 0

  private constructor(options: MqttOptions, broker: ChildProcess, url: string) {
    this.#options = options
    this.#broker = broker
    this.#url = url
  }

  static async start(options: MqttOptions): Promise<MqttBench> {
    const broker = fork(join(import.meta.dirname, 'broker-process.ts'))
    const [{ url }] = (await once(broker, 'message')) as [{ url: string }]
    return new MqttBench(options, broker, url)
  }

  async stop(): Promise<void> {
    const ended = once(this.#broker, 'exit')
    this.#broker.disconnect()
    await ended
  }

  /** Seconds from the first message until the last one is acknowledged, and so committed; and processor time of the source. */
  async commit(messages: number, payload: Round['payload']) {
    const { connection, databaseUrl, folder, inFlightMax } = this.#options
    await connection.query('truncate raw_measurements')
    await connection.query('checkpoint')
    await using source = await AppProcess.start({
      app: 'mqtt-source',
      databaseUrl,
      folder,
      ready: true,
      env: {
        MQTT_URL: this.#url,
        MQTT_ERROR_FOLDER: join(folder, 'rejected'),
        MQTT_IN_FLIGHT_MAX: String(inFlightMax),
      },
    })
    // Compiles, connects and makes the partition.
    await this.#publish(Math.min(messages, 2_000), payload)
    const before = await processorSeconds(source)
    const seconds = await this.#publish(messages, payload)
    const sourceSeconds = (await processorSeconds(source)) - before
    const [stored] = await connection.query<{ rows: number }>(
      'select count(*)::int as rows from raw_measurements',
    )
    if ((stored?.rows ?? 0) < messages) throw new Error(`${stored?.rows ?? 0} rows are stored`)
    await source.kill('SIGTERM')
    return { seconds, sourceSeconds }
  }

  /** The same messages to a subscriber who throws them away: what broker and client take. */
  async discard(messages: number, payload: Round['payload']): Promise<number> {
    const ending = new AbortController()
    const subscription = await subscribeMqtt({
      url: this.#url,
      clientId: 'faultline',
      filter: 'fleet/+/measurements',
      inFlightMax: this.#options.inFlightMax,
      inFlightBytesMax: 16 * 1_048_576,
      signal: ending.signal,
      take: () => Promise.resolve(),
    })
    await this.#publish(Math.min(messages, 2_000), payload)
    const seconds = await this.#publish(messages, payload)
    ending.abort()
    await subscription.ended
    return seconds
  }

  async #publish(messages: number, payload: Round['payload']): Promise<number> {
    this.#rounds += 1
    const answered = once(this.#broker, 'message')
    this.#broker.send({ messages, payload, number: this.#rounds } satisfies Round)
    const [{ seconds }] = (await answered) as [{ seconds: number }]
    return seconds
  }
}

async function processorSeconds(source: AppProcess): Promise<number> {
  return Number(/^process_cpu_seconds_total (.*)$/m.exec(await source.metrics())?.[1])
}

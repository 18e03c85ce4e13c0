import { systemClock } from '@faultline/runtime/clock'
import { connectKafka, kafkajsTopicHistory } from '@faultline/runtime/kafka'
import { runTool } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import {
  connectPostgres,
  diskFreeOf,
  forecastSlot,
  isSlotUsable,
  readSlotStatus,
  type PostgresConnection,
  type SlotSample,
} from '@faultline/runtime/postgres'
import { createDecoder, httpSchemaRegistry } from '@faultline/runtime/registry'
import type { TopicReader } from './captured.ts'
import { parseSlotCommand, type SlotCommand } from './config.ts'
import { debeziumConnector } from './connector.ts'
import { describeSlot } from './describe.ts'
import { recover } from './recover.ts'

const applicationName = 'faultline-slot'

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Between the two looks that show how fast the log grows. */
const betweenLooksMs = 2_000

async function showStatus(command: SlotCommand, signal: AbortSignal): Promise<number> {
  const { databaseUrl, json } = command
  const postgres = await connectPostgres({ databaseUrl, applicationName })
  try {
    const earlier = await look(postgres, databaseUrl)
    if (isSlotUsable(earlier.status)) await systemClock.sleep(betweenLooksMs, signal)
    const later = await look(postgres, databaseUrl)
    const forecast = forecastSlot(earlier, later)
    print(
      json
        ? JSON.stringify({
            ...later.status,
            disk_free_bytes: later.diskFreeBytes,
            room_bytes: forecast.roomBytes,
            growth_bytes_per_second: forecast.growthBytesPerSecond,
            seconds_left: forecast.secondsLeft,
          })
        : describeSlot(later, forecast),
    )
    return isSlotUsable(later.status) ? 0 : 1
  } finally {
    await postgres.close()
  }
}

async function look(postgres: PostgresConnection, databaseUrl: string): Promise<SlotSample> {
  const status = await readSlotStatus(postgres)
  return {
    status,
    diskFreeBytes: await diskFreeOf(postgres, databaseUrl),
    atMs: performance.now(),
  }
}

async function runRecovery(config: SlotCommand, signal: AbortSignal): Promise<number> {
  const { databaseUrl, brokers, registryUrl, connectUrl, json } = config
  const logger = createLogger('slot', 'silent')
  const kafka = await connectKafka({ brokers, clientId: applicationName, logger })
  const reading = await connectPostgres({ databaseUrl, applicationName })
  const postgres = await connectPostgres({ databaseUrl, applicationName })
  try {
    const reader: TopicReader = {
      history: kafkajsTopicHistory(kafka.value.kafka, kafka.value.admin),
      decode: createDecoder(httpSchemaRegistry(registryUrl)),
      partitionsOf: async (topic) => {
        const { topics } = await kafka.value.admin.fetchTopicMetadata({ topics: [topic] })
        return (topics[0]?.partitions ?? []).map(({ partitionId }) => partitionId)
      },
    }
    const connector = debeziumConnector(connectUrl, systemClock)
    const tell = (text: string) => process.stderr.write(`${text}\n`)
    const tools = { reading, postgres, connector, reader, tell, signal, clock: systemClock }
    const recovery = await recover(tools)
    const { slot, measurements, deletions } = recovery
    print(
      json
        ? JSON.stringify(recovery)
        : `slot ${slot}; ${measurements} measurements and ${deletions} deletions captured that had been missed`,
    )
    return 0
  } finally {
    await reading.close()
    await postgres.close()
    await kafka.stop()
  }
}

runTool(async (signal) => {
  const config = parseSlotCommand(process.argv.slice(2), process.env)
  return config.command === 'status' ? showStatus(config, signal) : runRecovery(config, signal)
})

import { systemClock } from '@faultline/runtime/clock'
import { connectKafka, kafkajsTopicHistory } from '@faultline/runtime/kafka'
import { runTool } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { connectPostgres } from '@faultline/runtime/postgres'
import { createDecoder, httpSchemaRegistry } from '@faultline/runtime/registry'
import type { TopicReader } from './captured.ts'
import { parseSlotCommand, type SlotCommand } from './config.ts'
import { debeziumConnector } from './connector.ts'
import { recover } from './recover.ts'
import { isUsable, readSlotStatus, type SlotStatus } from './slot-status.ts'

const applicationName = 'faultline-slot'

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function showStatus({ databaseUrl, json }: SlotCommand): Promise<number> {
  const postgres = await connectPostgres({ databaseUrl, applicationName })
  try {
    const status = await readSlotStatus(postgres)
    print(json ? JSON.stringify(status) : sentence(status))
    return isUsable(status) ? 0 : 1
  } finally {
    await postgres.close()
  }
}

function sentence(status: SlotStatus): string {
  const { slot, exists, active, wal_status, retained_bytes, safe_wal_size } = status
  if (!exists) return `${slot} does not exist: \`faultline slot recover\` brings capture back.`
  if (!isUsable(status)) return `${slot} is lost: \`faultline slot recover\` brings capture back.`
  const mebibytes = (bytes: number | null) => `${((bytes ?? 0) / 1_048_576).toFixed(1)} MiB`
  const room = safe_wal_size === null ? 'no limit' : `lost after ${mebibytes(safe_wal_size)} more`
  return (
    `${slot}: ${active ? 'read' : 'not read'}, ${wal_status ?? 'unknown'}, ` +
    `${mebibytes(status.confirmed_flush_lag_bytes)} behind, keeps ${mebibytes(retained_bytes)} of log (${room})`
  )
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
  return config.command === 'status' ? showStatus(config) : runRecovery(config, signal)
})

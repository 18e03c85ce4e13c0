/** Connects with one of the product's clients and does one thing, for redirect.test.ts: `one-client.ts <client> <port>`. */
import { startClickhouse } from '@faultline/runtime/clickhouse'
import { connectKafka } from '@faultline/runtime/kafka'
import { createLogger } from '@faultline/runtime/logging'
import { connectPostgres } from '@faultline/runtime/postgres'
import { connectRedis } from '@faultline/runtime/redis'
import { httpSchemaRegistry } from '@faultline/runtime/registry'

const logger = createLogger('one-client', 'silent')
const [, , client = '', port = ''] = process.argv
const at = `127.0.0.1:${port}`

const clients: Readonly<Record<string, () => Promise<unknown>>> = {
  kafkajs: () => connectKafka({ brokers: [at], clientId: 'redirected', logger }),
  ioredis: () => connectRedis({ url: `redis://${at}`, clientName: 'redirected', logger }),
  clickhouse: () =>
    startClickhouse({
      url: `http://${at}`,
      clientName: 'redirected',
      requestTimeoutMs: 20_000,
    }).value.rows('a test', { sql: 'SELECT 1' }),
  registry: () => httpSchemaRegistry(`http://${at}`).reader(1),
  pg: () =>
    connectPostgres({ databaseUrl: `postgresql://u:p@${at}/d`, applicationName: 'redirected' }),
}

await clients[client]?.()

import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { redisKeys } from '@faultline/contracts/redis-keys'
import { topics } from '@faultline/contracts/topics'
import { connectKafka } from '@faultline/runtime/kafka'
import { createLogger } from '@faultline/runtime/logging'
import { connectRedis } from '@faultline/runtime/redis'
import { askClickhouse } from '../../test/support/chain/counts.ts'
import type { runningProduct } from '../running-product.ts'

const run = promisify(execFile)
const project = resolve(import.meta.dirname, '../..')
const logger = createLogger('bench', 'silent')

/** How many measurements have got how far. The raw topic's count holds the markers of transactions too, one in some hundred. */
export interface Reached {
  readonly raw: number
  readonly redis: number
  readonly clickhouse: number
}

/** Counts what has reached each stage of a running product. */
export async function openChain(product: ReturnType<typeof runningProduct>) {
  const { kafkaBootstrap, redisUrl } = product
  const kafka = await connectKafka({ brokers: [kafkaBootstrap], clientId: 'bench', logger })
  const redis = await connectRedis({ url: redisUrl, clientName: 'bench', logger })

  const raw = async (): Promise<number> => {
    const ends = await kafka.value.admin.fetchTopicOffsets(topics.rawMeasurements)
    return ends.reduce((sum, { high }) => sum + Number(high), 0)
  }
  const inRedis = async (): Promise<number> => {
    const types = await redis.value.run('types', (client) => client.smembers(redisKeys.types))
    const counts = await Promise.all(
      types.map((type) =>
        redis.value.run('events', (client) => client.hget(redisKeys.fleetSummary(type), 'events')),
      ),
    )
    return counts.reduce((sum, count) => sum + Number(count ?? 0), 0)
  }
  const inClickhouse = () => askClickhouse(product, 'select count() from app.enriched_measurements')
  return {
    raw,
    reached: async (): Promise<Reached> => {
      const [atRaw, atRedis, stored] = await Promise.all([raw(), inRedis(), inClickhouse()])
      return { raw: atRaw, redis: atRedis, clickhouse: stored }
    },
    close: () => Promise.all([kafka.stop(), redis.stop()]),
  }
}

/** Pid of each process of the stack on FAULTLINE_HOME, by name. */
export async function stackProcesses(): Promise<ReadonlyMap<string, number>> {
  const program = join(project, 'apps', 'cli', 'src', 'main.ts')
  const { stdout } = await run(process.execPath, [program, 'status', '--json'])
  const { processes } = JSON.parse(stdout) as { processes: { name: string; pid: number | null }[] }
  return new Map(processes.flatMap(({ name, pid }) => (pid === null ? [] : [[name, pid] as const])))
}

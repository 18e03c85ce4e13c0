import type { Product } from '../test/support/product/product.ts'

/** What `faultline env` prints. */
type RunningProduct = Omit<Product, 'home' | 'mqttUrl'>

const names = {
  databaseUrl: 'DATABASE_URL',
  kafkaBootstrap: 'KAFKA_BOOTSTRAP',
  schemaRegistryUrl: 'SCHEMA_REGISTRY_URL',
  connectUrl: 'CONNECT_URL',
  redisUrl: 'REDIS_URL',
  clickhouseUrl: 'CLICKHOUSE_URL',
  apiUrl: 'API_URL',
} as const

/** The addresses in the environment, as `eval "$(npx faultline env)"` sets them. Ends the process with the way to do so. */
export function runningProduct(): RunningProduct {
  const entries = Object.entries(names).map(
    ([key, name]) => [key, process.env[name] ?? ''] as const,
  )
  if (entries.every(([, value]) => value !== '')) {
    return Object.fromEntries(entries) as unknown as RunningProduct
  }
  process.stderr.write('Start a stack first, then: eval "$(npx faultline env)"\n')
  process.exit(2)
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

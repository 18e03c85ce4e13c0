import type { Product } from '../test/support/product/product.ts'

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
export function runningProduct(): Omit<Product, 'home'> {
  const entries = Object.entries(names).map(
    ([key, name]) => [key, process.env[name] ?? ''] as const,
  )
  if (entries.every(([, value]) => value !== '')) {
    return Object.fromEntries(entries) as unknown as Omit<Product, 'home'>
  }
  process.stderr.write('Start a stack first, then: eval "$(npx faultline env)"\n')
  process.exit(2)
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

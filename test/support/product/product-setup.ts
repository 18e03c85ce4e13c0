import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { faultlineOk, parseExports } from './faultline-command.ts'
import type { Product } from './product.ts'

const portBase = 48_000

/** Starts the product with its own command in a new folder, without the demo fleet, and takes it down after the last test. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = mkdtempSync(join(tmpdir(), 'faultline-e2e-'))
  await faultlineOk(home, ['up', '--detach', '--no-demo', '--port-base', String(portBase)])
  const addresses = parseExports(await faultlineOk(home, ['env']))
  project.provide('product', { home, ...connectionOf(addresses) })
  return async () => {
    await faultlineOk(home, ['down'])
    rmSync(home, { recursive: true, force: true })
  }
}

function connectionOf(addresses: ReadonlyMap<string, string>): Omit<Product, 'home'> {
  const address = (name: string): string => {
    const value = addresses.get(name)
    if (value === undefined) throw new Error(`faultline env prints no ${name}`)
    return value
  }
  return {
    databaseUrl: address('DATABASE_URL'),
    kafkaBootstrap: address('KAFKA_BOOTSTRAP'),
    schemaRegistryUrl: address('SCHEMA_REGISTRY_URL'),
    connectUrl: address('CONNECT_URL'),
    redisUrl: address('REDIS_URL'),
    clickhouseUrl: address('CLICKHOUSE_URL'),
    apiUrl: address('API_URL'),
  }
}

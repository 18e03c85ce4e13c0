import { inject } from 'vitest'

/** Addresses of the back ends that test/support/global-setup.ts started for this run. */
export interface TestConnection {
  readonly databaseUrl: string
  readonly kafkaBootstrap: string
  readonly schemaRegistryUrl: string
  readonly connectUrl: string
  readonly redisUrl: string
  readonly clickhouseUrl: string
}

declare module 'vitest' {
  interface ProvidedContext {
    connection: TestConnection
  }
}

export function connection(): TestConnection {
  return inject('connection')
}

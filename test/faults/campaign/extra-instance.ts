import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { appNodeOptions } from '@faultline/stack/apps'
import { pause, waitFor } from './pause.ts'
import type { ProductUnderTest } from './product-under-test.ts'

const projectFolder = resolve(import.meta.dirname, '..', '..', '..')
export type GroupApp = 'enricher' | 'redis-consumer' | 'clickhouse-sink'

const ownerLimitMs = 40_000

const opsPortOffset: Readonly<Record<GroupApp, number>> = {
  enricher: 31,
  'redis-consumer': 32,
  'clickhouse-sink': 33,
}

/** A second copy of an application beside the one of the stack: the same group, the same back ends. */
export class ExtraInstance {
  readonly app: GroupApp
  readonly port: number
  readonly #product: ProductUnderTest
  readonly #patience: number
  #child: ChildProcess | undefined

  constructor(product: ProductUnderTest, app: GroupApp, patience: number) {
    this.#patience = patience
    this.#product = product
    this.app = app
    this.port = product.portBase + opsPortOffset[app]
  }

  get pid(): number | undefined {
    return this.#child?.exitCode === null && this.#child.signalCode === null
      ? this.#child.pid
      : undefined
  }

  start(): void {
    const addresses = this.#product.addresses
    const log = openSync(join(this.#product.home, 'logs', `${this.app}-extra.log`), 'a')
    this.#child = spawn(
      process.execPath,
      [...appNodeOptions, join(projectFolder, 'apps', this.app, 'src', 'main.ts')],
      {
        cwd: projectFolder,
        stdio: ['ignore', log, log],
        env: {
          PATH: process.env['PATH'],
          KAFKA_BOOTSTRAP: addresses.kafkaBootstrap,
          SCHEMA_REGISTRY_URL: addresses.schemaRegistryUrl,
          REDIS_URL: addresses.redisUrl,
          CLICKHOUSE_URL: addresses.clickhouseUrl,
          OPS_LISTEN: `127.0.0.1:${this.port}`,
          FAULTLINE_FAILPOINTS: this.#product.failpointFolder,
          NODE_OPTIONS: this.#product.nodeOptions,
        },
      },
    )
    closeSync(log)
  }

  /** Resolves once it owns partitions. */
  async untilOwner(): Promise<void> {
    await waitFor(
      `a second ${this.app} takes partitions`,
      ownerLimitMs * this.#patience,
      async () => {
        if (this.pid === undefined) this.start()
        const response = await fetch(`http://127.0.0.1:${this.port}/readyz`, {
          signal: AbortSignal.timeout(1_000),
        })
        return response.ok ? true : undefined
      },
    )
  }

  signal(name: NodeJS.Signals): void {
    if (this.pid !== undefined) process.kill(this.pid, name)
  }

  async stop(how: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === undefined || this.pid === undefined) return
    this.signal('SIGCONT')
    const ended = once(child, 'exit')
    this.signal(how)
    await Promise.race([ended, pause(18_000)])
    this.signal('SIGKILL')
  }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { environment as names } from '@faultline/contracts/environment'
import { redisKeys } from '@faultline/contracts/redis-keys'
import { untilSettled } from '../../support/chain/verify-chain.ts'
import { redisCommand } from '../../faults/tools/processes/redis-data.ts'
import { freePort } from '../../support/free-port.ts'
import { eventually } from '../../support/eventually.ts'
import { measure, patience, toPostgres, uniqueName } from '../../support/product/changes.ts'
import { faultline } from '../../support/product/faultline-command.ts'
import { registerUnits } from '../../support/product/fleet.ts'
import { product } from '../../support/product/product.ts'

const device = uniqueName('verified')
/** The auditor runs at the lowest priority: on a busy machine it takes its time. */
const leisure = { ...patience, limitMs: 300_000 }
const nobody = 'redis://127.0.0.1:1'
const summary = redisKeys.deviceSummary(device)
const total = (change: number) =>
  redisCommand(product().redisUrl, 'HINCRBY', summary, 'events_total', String(change))

interface Report {
  readonly equal: boolean
  readonly checked: boolean
  readonly redis: Store
  readonly clickhouse: Store
}
interface Store {
  readonly isChecked: boolean
  readonly compared: Readonly<Record<string, number>>
  readonly notCompared: readonly string[]
}

async function verify(env: Readonly<Record<string, string>> = {}) {
  const { code, stdout } = await faultline(product().home, ['verify', '--json'], env)
  return { code, report: JSON.parse(stdout) as Report }
}

beforeAll(async () => {
  const postgres = await toPostgres()
  await registerUnits(postgres, [device])
  await postgres.close()
  await measure(device, 3)
  await untilSettled(product(), 120_000)
})

describe('faultline verify', () => {
  it('ends with 0 where everything is equal', async () => {
    const { code, report } = await verify()
    expect(report).toMatchObject({ equal: true, checked: true })
    expect(report.redis.compared['devices']).toBeGreaterThan(0)
    expect(report.clickhouse.compared['rows']).toBeGreaterThanOrEqual(3)
    expect(code).toBe(0)
  })

  describe('where something differs', () => {
    beforeAll(() => total(1))
    afterAll(() => total(-1))

    it('ends with 3 and names it', async () => {
      const { code, stdout, stderr } = await faultline(product().home, ['verify'])
      expect(stdout).toMatch(/^DIFFERS: 1 difference /)
      expect(stdout).toContain(`redis ${summary} events_total: expected 3, is 4`)
      expect(stderr).toBe('')
      expect(code).toBe(3)
    })

    it('calls it unknown where the consumer need not hold everything', async () => {
      const { code, report } = await verify({ [names.startingOffsets]: 'latest' })
      expect(report).toMatchObject({ equal: true, checked: false })
      expect(report.redis.notCompared[0]).toMatch(/^STARTING_OFFSETS is not "earliest": Redis/)
      expect(report.clickhouse.isChecked).toBe(true)
      expect(code).toBe(1)
    })
  })

  it('compares ClickHouse where Redis is away, and ends with 1', async () => {
    const { code, report } = await verify({ [names.redisUrl]: nobody })
    expect(report).toMatchObject({ equal: true, checked: false, redis: { isChecked: false } })
    expect(report.clickhouse.isChecked).toBe(true)
    expect(report.clickhouse.compared['rows']).toBeGreaterThanOrEqual(3)
    expect(code).toBe(1)
  })

  it('compares Redis where ClickHouse is away, and ends with 1', async () => {
    const { code, report } = await verify({ [names.clickhouseUrl]: 'http://127.0.0.1:1' })
    expect(report).toMatchObject({ equal: true, checked: false, clickhouse: { isChecked: false } })
    expect(report.redis.isChecked).toBe(true)
    expect(report.redis.compared['devices']).toBeGreaterThan(0)
    expect(code).toBe(1)
  })
})

describe('the auditor', () => {
  it('audits ClickHouse while Redis is away', async () => {
    const port = await freePort()
    const { kafkaBootstrap, schemaRegistryUrl, clickhouseUrl } = product()
    const program = join(import.meta.dirname, '../../../apps/auditor/src/main.ts')
    const auditor = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', program], {
      env: {
        ...process.env,
        [names.kafkaBootstrap]: kafkaBootstrap,
        [names.schemaRegistryUrl]: schemaRegistryUrl,
        [names.clickhouseUrl]: clickhouseUrl,
        [names.redisUrl]: nobody,
        [names.opsListen]: `127.0.0.1:${port}`,
      },
      stdio: 'ignore',
    })
    const ended = once(auditor, 'exit')
    try {
      await eventually(async () => {
        const response = await fetch(`http://127.0.0.1:${port}/readyz`)
        const said = JSON.stringify(await response.json())
        expect(said).toContain('"clickhouse":"equal"')
        expect(said).not.toContain('"redis":"equal"')
      }, leisure)
    } finally {
      auditor.kill()
      await ended
    }
  }, 330_000)
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectPostgres, type PostgresConnection } from '@faultline/runtime/postgres'
import { untilSettled, verifyChain } from '../../support/chain/verify-chain.ts'
import { eventually } from '../../support/eventually.ts'
import { faultlineOk } from '../../support/product/faultline-command.ts'
import { hvacReadings, insertRows, registerUnits, type Row } from '../../support/product/fleet.ts'
import { product } from '../../support/product/product.ts'

interface Process {
  readonly name: string
  readonly pid: number | null
  readonly state: string
  readonly restarts: number
}

async function processes(): Promise<readonly Process[]> {
  const status = JSON.parse(await faultlineOk(product().home, ['status', '--json'])) as {
    processes: Process[]
  }
  return status.processes
}

async function processNamed(name: string): Promise<Process> {
  const found = (await processes()).find((process) => process.name === name)
  if (found === undefined) throw new Error(`no process ${name}`)
  return found
}

/** One transaction of 50 rows every 50 ms until it is told to stop: about a thousand rows a second. */
async function load(ids: readonly string[], until: Promise<unknown>): Promise<number> {
  const stop = new AbortController()
  void until.finally(() => {
    stop.abort()
  })
  let n = 0
  while (!stop.signal.aborted) {
    const rows: Row[] = Array.from({ length: 50 }, () => ({
      deviceId: ids[n % ids.length] ?? '',
      measuredAtMs: Date.now() - 60_000 + n,
      readings: hvacReadings({ 0: n++ % 13 === 0 ? 37 : 18 }),
    }))
    await insertRows(product().databaseUrl, rows)
  }
  return n
}

describe('kill -9 of an application under load', () => {
  const ids = Array.from({ length: 40 }, (_, n) => `KILL-${String(n).padStart(4, '0')}`)
  let postgres: PostgresConnection
  beforeAll(async () => {
    postgres = await connectPostgres({
      databaseUrl: product().databaseUrl,
      applicationName: 'kill-test',
    })
    await registerUnits(postgres, ids)
  })
  afterAll(() => postgres.close())

  it.each(['enricher', 'redis-consumer', 'clickhouse-sink', 'api'])(
    '%s: it is started again, nothing is lost, nothing counted twice',
    async (name) => {
      const before = await processNamed(name)
      expect(before.state).toBe('running')
      const killed = Promise.withResolvers<undefined>()
      const loading = load(ids, killed.promise)
      // Twice, the second time while it catches up with what the first kill left.
      for (let kill = 1; kill <= 2; kill++) {
        const victim = await eventually(
          async () => {
            const process = await processNamed(name)
            expect(process).toMatchObject({
              state: 'running',
              restarts: before.restarts + kill - 1,
            })
            return process
          },
          { limitMs: 60_000, everyMs: 100 },
        )
        process.kill(victim.pid ?? 0, 'SIGKILL')
      }
      await eventually(
        async () => {
          expect(await processNamed(name)).toMatchObject({
            state: 'running',
            restarts: before.restarts + 2,
          })
        },
        { limitMs: 60_000, everyMs: 100 },
      )
      killed.resolve(undefined)
      expect(await loading).toBeGreaterThan(0)
      await untilSettled(product(), 90_000)
      await verifyChain(product())
    },
    180_000,
  )
})

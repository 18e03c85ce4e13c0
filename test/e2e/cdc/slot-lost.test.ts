import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { replication } from '@faultline/contracts/postgres-migrations'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import { untilSettled, verifyChain } from '../../support/chain/verify-chain.ts'
import { eventually } from '../../support/eventually.ts'
import {
  measure,
  patience,
  readAgain,
  toPostgres,
  uniqueName,
  untilShown,
} from '../../support/product/changes.ts'
import { faultline, faultlineOk } from '../../support/product/faultline-command.ts'
import { registerUnits } from '../../support/product/fleet.ts'
import { product } from '../../support/product/product.ts'

const settleLimitMs = 120_000

async function recover(): Promise<unknown> {
  return JSON.parse(await faultlineOk(product().home, ['slot', 'recover', '--json']))
}

async function stopConnector(): Promise<void> {
  const connector = `${product().connectUrl}/connectors/${replication.connector}`
  await fetch(`${connector}/stop`, { method: 'PUT' })
}

describe('capture that stops', () => {
  let postgres: PostgresConnection
  beforeAll(async () => {
    postgres = await toPostgres()
  })
  afterAll(() => postgres.close())

  it('brings a lost slot back: every row once, deletions included, and a second run finds nothing', async () => {
    const [lasting, deleted, late] = ['lasting', 'deleted', 'late'].map(uniqueName) as [
      string,
      string,
      string,
    ]
    await registerUnits(postgres, [lasting, deleted])
    await measure(lasting, 50)
    await measure(deleted)
    await untilShown(lasting, 50)
    await untilShown(deleted, 1)
    await stopConnector()
    await eventually(async () => {
      await postgres.query('select pg_drop_replication_slot($1)', [replication.slot])
    }, patience)
    await measure(lasting, 500)
    await postgres.query(`delete from device_catalog where device_id = '${deleted}'`)
    await registerUnits(postgres, [late])
    await measure(late, 5)
    expect((await faultline(product().home, ['slot', 'status'])).code).toBe(1)

    expect(await recover()).toEqual({ slot: 'made', measurements: 505, deletions: 1 })
    await measure(lasting, 5)
    await untilShown(deleted, null)
    await untilShown(lasting, 555)
    await untilShown(late, 5)
    await untilSettled(product(), settleLimitMs)
    await verifyChain(product())

    expect(await recover()).toEqual({ slot: 'kept', measurements: 0, deletions: 0 })
    // Read again on purpose, all of it: the enricher knows every row.
    await readAgain(postgres, 'blocking', ['public.raw_measurements'])
    await measure(lasting)
    await untilShown(lasting, 556)
    await untilSettled(product(), settleLimitMs)
    await verifyChain(product())
  })

  // The server gives a slot up for the size of the log it holds, or, quicker to bring about, for being idle: the state is the same.
  it('brings back what was missed since the server gave the slot up', async () => {
    const unit = uniqueName('given-up')
    await registerUnits(postgres, [unit])
    await measure(unit, 5)
    await untilShown(unit, 5)
    await stopConnector()
    await postgres.query(`alter system set idle_replication_slot_timeout = '1s'`)
    await postgres.query('select pg_reload_conf()')
    try {
      await eventually(async () => {
        await postgres.query('checkpoint')
        const [slot] = await postgres.query<{ wal_status: string }>(
          'select wal_status from pg_replication_slots where slot_name = $1',
          [replication.slot],
        )
        expect(slot?.wal_status).toBe('lost')
      }, patience)
    } finally {
      await postgres.query('alter system reset idle_replication_slot_timeout')
      await postgres.query('select pg_reload_conf()')
    }
    await measure(unit, 50)
    const status = await faultline(product().home, ['slot', 'status'])
    expect(status.code).toBe(1)
    expect(status.stdout).toContain('is lost: `faultline slot recover` brings capture back')

    expect(await recover()).toEqual({ slot: 'made', measurements: 50, deletions: 0 })
    await untilShown(unit, 55)
    await untilSettled(product(), settleLimitMs)
    await verifyChain(product())
  })
})

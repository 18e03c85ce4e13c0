import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import { untilSettled, verifyChain } from '../../support/chain/verify-chain.ts'
import { eventually } from '../../support/eventually.ts'
import {
  askApi,
  measure,
  patience,
  toPostgres,
  uniqueName,
  untilShown,
} from '../../support/product/changes.ts'
import { hvacReadings, insertRows, registerUnits } from '../../support/product/fleet.ts'
import { product } from '../../support/product/product.ts'

const settleLimitMs = 120_000

describe('changes of raw_measurements while it is read', () => {
  let postgres: PostgresConnection
  beforeAll(async () => {
    postgres = await toPostgres()
  })
  afterAll(() => postgres.close())

  it('goes on with a column added, a type widened, and months detached, attached and dropped', async () => {
    const name = uniqueName('ddl')
    await registerUnits(postgres, [name])
    await measure(name, 5)
    await postgres.query('alter table raw_measurements add column if not exists note text')
    await measure(name, 5)
    await postgres.query('alter table raw_measurements alter column car_number type bigint')
    await postgres.query('alter table device_catalog add column if not exists vendor text')
    await measure(name, 5)
    await untilShown(name, 15)
    // A month whose rows are in use is taken away and comes back; an empty one is dropped.
    await insertRows(product().databaseUrl, [
      { deviceId: name, measuredAtMs: Date.UTC(2024, 0, 15), readings: hvacReadings() },
    ])
    await postgres.query(`select faultline_ensure_partitions('2023-05-02Z', '2023-05-03Z')`)
    await postgres.query('alter table raw_measurements detach partition raw_measurements_2024_01')
    await measure(name)
    await postgres.query(
      `alter table raw_measurements attach partition raw_measurements_2024_01
       for values from ('2024-01-01Z') to ('2024-02-01Z')`,
    )
    await postgres.query('drop table raw_measurements_2023_05')
    await measure(name)
    await untilShown(name, 18)
    await untilSettled(product(), settleLimitMs)
    await verifyChain(product())
  })

  it('takes no effect back with a truncate, and none again with the same rows', async () => {
    const name = uniqueName('truncated')
    await registerUnits(postgres, [name])
    await measure(name, 3)
    await postgres.query('begin')
    await postgres.query('create temp table kept on commit drop as table raw_measurements')
    await postgres.query('truncate raw_measurements')
    await postgres.query('insert into raw_measurements overriding system value table kept')
    await postgres.query('commit')
    await measure(name)
    await untilShown(name, 4)
    await untilSettled(product(), settleLimitMs)
    await verifyChain(product())
  })

  it('shows a client its own write', async () => {
    const name = uniqueName('own')
    await registerUnits(postgres, [name])
    await measure(name)
    const first = await untilShown(name, 1)
    // The enriched topic gives the device's records one partition; the next offset is beyond what this answer held.
    const { partition, enriched_offset: offset } = first.body['source'] as {
      partition: number
      enriched_offset: number
    }
    expect(first.headers.get('faultline-as-of')).toContain(`${partition};offset=`)
    await measure(name)
    await eventually(async () => {
      const next = await askApi(`/api/devices/${name}?min_offset=${partition}:${offset + 1}`)
      expect(next.body).toMatchObject({ events_total: 2 })
    }, patience)
    const late = await askApi(`/api/devices/${name}?min_offset=${partition}:${offset + 1_000_000}`)
    expect(late.status).toBe(409)
  })
})

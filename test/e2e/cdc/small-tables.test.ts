import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import { askClickhouse } from '../../support/chain/counts.ts'
import { eventually } from '../../support/eventually.ts'
import {
  measure,
  patience,
  readAgain,
  toPostgres,
  uniqueName,
  untilShown,
} from '../../support/product/changes.ts'
import { registerUnits } from '../../support/product/fleet.ts'
import { product } from '../../support/product/product.ts'

describe('changes of the small tables', () => {
  let postgres: PostgresConnection
  beforeAll(async () => {
    postgres = await toPostgres()
  })
  afterAll(() => postgres.close())

  const fromClickhouse = (sql: string) => askClickhouse(product(), sql)

  it('keeps a large value that an update left alone', async () => {
    // Incompressible and far above 2 kB, so it is stored apart (TOAST) and not logged by an update of something else.
    const large = `(select string_agg(md5(n::text || random()), '') from generate_series(1, 400) n)`
    const name = uniqueName('large')
    await postgres.query(
      `insert into device_models(model, type, channels, units, rules)
       select '${name}', 'hvac', array['flow', left(${large}, 9000)], array['l/s', ''],
         jsonb_build_array(jsonb_build_object('code', 'LOW', 'channel', 'flow', 'below', 3, 'note', ${large}))`,
    )
    await postgres.query(
      `insert into device_catalog(device_id, type, model) values ('${name}', 'hvac', '${name}')`,
    )
    await postgres.query(
      `insert into device_events(device_id, occurred_at, kind, code, detail)
       select '${name}', '2026-01-31 12:00:00.235Z', 'failure', 'A', jsonb_build_object('note', ${large})`,
    )
    await postgres.query(`update device_models set units = '{m3,x}' where model = '${name}'`)
    await postgres.query(`update device_events set code = 'B' where device_id = '${name}'`)
    await eventually(async () => {
      const model = `app.device_models FINAL WHERE model = '${name}' AND units = ['m3', 'x']`
      expect(await fromClickhouse(`SELECT max(length(channels[2])) FROM ${model}`)).toBe(9_000)
      const event = `app.device_events FINAL WHERE device_id = '${name}' AND code = 'B'`
      expect(await fromClickhouse(`SELECT max(length(detail)) FROM ${event}`)).toBeGreaterThan(
        10_000,
      )
      const occurredAt = `SELECT toUnixTimestamp64Milli(max(occurred_at)) FROM ${event}`
      expect(await fromClickhouse(occurredAt)).toBe(Date.parse('2026-01-31T12:00:00.235Z'))
    }, patience)
  })

  it('moves a device to its new id', async () => {
    const name = uniqueName('moved')
    await registerUnits(postgres, [name])
    await measure(name)
    await untilShown(name, 1)
    await postgres.query(
      `update device_catalog set device_id = '${name}-new' where device_id = '${name}'`,
    )
    await measure(`${name}-new`)
    await untilShown(name, null)
    await untilShown(`${name}-new`, 1)
  })

  it('removes events that were truncated, and keeps those after', async () => {
    const name = uniqueName('events')
    await registerUnits(postgres, [name])
    const event = `insert into device_events(device_id, occurred_at, kind) values ('${name}', now(), 'error')`
    const kept = 'SELECT count() FROM app.device_events FINAL WHERE is_deleted = 0'
    await postgres.query(event)
    await eventually(async () => {
      expect(await fromClickhouse(`${kept} AND device_id = '${name}'`)).toBe(1)
    }, patience)
    await postgres.query('truncate device_events')
    await postgres.query(event)
    await postgres.query(event)
    await eventually(async () => {
      expect(await fromClickhouse(kept)).toBe(2)
    }, patience)
  })

  it('takes up what an incremental snapshot reads of the catalog', async () => {
    const name = uniqueName('read')
    await registerUnits(postgres, [name])
    // A snapshot must not bring back what a live change has replaced.
    await postgres.query(`update device_catalog set line = 'live' where device_id = '${name}'`)
    await readAgain(postgres, 'incremental', ['public.device_catalog', 'public.device_models'])
    await measure(name)
    expect((await untilShown(name, 1)).body).toMatchObject({ line: 'live' })
  })
})

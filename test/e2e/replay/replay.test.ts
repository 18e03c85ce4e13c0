import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { setTimeout as pause } from 'node:timers/promises'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import { untilSettled, verifyChain } from '../../support/chain/verify-chain.ts'
import { toPostgres, uniqueName } from '../../support/product/changes.ts'
import { faultline } from '../../support/product/faultline-command.ts'
import { hvacReadings, insertRows, type Row } from '../../support/product/fleet.ts'
import { product } from '../../support/product/product.ts'

const settleLimitMs = 120_000
const changes = 150

describe('faultline replay', () => {
  let postgres: PostgresConnection
  beforeAll(async () => {
    postgres = await toPostgres()
  })
  afterAll(() => postgres.close())

  it('gives every record again after rules and devices changed under load', async () => {
    const model = uniqueName('replayed')
    const ids = Array.from({ length: 8 }, (_, n) => `${model}-${n}`)
    const [reborn = '', late = ''] = ids
    const register = (device: string) =>
      postgres.query(
        `insert into device_catalog(device_id, type, model) values ('${device}', 'hvac', '${model}')`,
      )
    await postgres.query(
      `insert into device_models(model, type, channels, units, rules)
       select '${model}', type, channels, units, '[]' from device_models where model = 'metro-hvac'`,
    )
    for (const id of ids.filter((id) => id !== late)) await register(id)

    const loaded = new AbortController()
    const loading = load(ids, loaded.signal)
    for (let n = 0; n < changes; n++) {
      // Each change in a transaction of its own, right among those of the measurements.
      const rule = { code: 'HOT', channel: 'temp_supply_air', above: 10 + (n % 17) }
      await postgres.query(`update device_models set rules = $1 where model = '${model}'`, [
        JSON.stringify([rule]),
      ])
      await postgres.query(
        `update device_catalog set line = 'Line ${n}' where device_id = any($1)`,
        [ids],
      )
      if (n === 30) await register(late)
      if (n % 40 === 20) {
        await postgres.query(`delete from device_catalog where device_id = '${reborn}'`)
      }
      if (n % 40 === 25) await register(reborn)
      await pause(20)
    }
    loaded.abort()
    expect(await loading).toBeGreaterThan(changes)
    // Its rows from before it was registered anew are not in Redis any more; now none is.
    await postgres.query(`delete from device_catalog where device_id = '${reborn}'`)
    await untilSettled(product(), settleLimitMs)
    await verifyChain(product())

    const { code, stdout } = await faultline(product().home, ['replay', 'earliest', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      first: null,
      counts: { different: 0, only_here: 0, only_there: 0, out_of_order: 0 },
    })
    expect(code).toBe(0)
  })
})

async function load(ids: readonly string[], signal: AbortSignal): Promise<number> {
  const from = Date.now() - 600_000
  let n = 0
  while (!signal.aborted) {
    const rows: Row[] = Array.from({ length: 10 }, () => ({
      deviceId: ids[n % ids.length] ?? '',
      measuredAtMs: from + n,
      readings: hvacReadings({ 0: 10 + (n++ % 19) }),
    }))
    await insertRows(product().databaseUrl, rows)
  }
  return n
}

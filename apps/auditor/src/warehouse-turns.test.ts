import { expect, it } from 'vitest'
import { Findings, type StoreAudit } from '@faultline/audit/report'
import { WarehouseTurns } from './warehouse-turns.ts'

const hour = 3_600_000
const ids = Array.from({ length: 120 }, (_, i) => `AC-${i}`)

/** A ClickHouse in which rows differ: of a device, measured at a time. */
function differing(wrong: Map<string, number>) {
  const asked: { devices?: readonly string[]; since?: number }[] = []
  const compare = (only: { devices?: readonly string[]; since?: number }): Promise<StoreAudit> => {
    asked.push(only)
    const findings = new Findings(20)
    for (const [field, at] of wrong) {
      if (only.devices?.includes(field) === false || at < (only.since ?? 0)) continue
      const place = {
        key: 'app.enriched_measurements',
        field,
        expected: '1',
        actual: '2',
        at: null,
      }
      findings.add([{ store: 'clickhouse', ...place }])
    }
    return Promise.resolve(findings.audit(new Map()))
  }
  return { turns: new WarehouseTurns({ deviceIds: () => ids, compare }), asked }
}

const count = ({ differenceCount }: StoreAudit) => differenceCount

it('comes to every device in turn', async () => {
  const { turns, asked } = differing(new Map())
  for (let round = 0; round < 4; round++) await turns.round(10 * hour)
  const devices = asked.flatMap((only) => only.devices ?? [])
  expect(devices).toEqual([...ids, ...ids.slice(0, 50)])
})

it('keeps a difference in an old hour until that device is equal again', async () => {
  const wrong = new Map([['AC-70', hour]])
  const { turns } = differing(wrong)
  expect(count(await turns.round(100 * hour))).toBe(0)
  expect(count(await turns.round(100 * hour))).toBe(1)
  expect(count(await turns.round(100 * hour))).toBe(1)
  wrong.clear()
  expect(count(await turns.round(100 * hour))).toBe(0)
})

it('keeps a difference in a fresh hour after the hour is no longer fresh', async () => {
  const wrong = new Map([['AC-110', 10 * hour]])
  const { turns } = differing(wrong)
  expect(count(await turns.round(10 * hour))).toBe(1)
  expect(count(await turns.round(30 * hour))).toBe(1)
  wrong.clear()
  expect(count(await turns.round(30 * hour))).toBe(0)
})

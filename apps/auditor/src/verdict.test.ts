import { expect, it } from 'vitest'
import { Findings } from '@faultline/audit/report'
import { Metrics } from '@faultline/runtime/metrics'
import { Verdict } from './verdict.ts'

const difference = {
  store: 'redis',
  key: 'device_summary:AC-1',
  field: 'events_total',
  expected: '3',
  actual: '4',
  at: '0:7',
} as const

function found(...differences: (typeof difference)[]) {
  const findings = new Findings(20)
  findings.add(differences)
  return findings.audit(new Map([[0, 8]]))
}
const fresh = () => new Verdict(new Metrics(), () => 5_000)

it('is ready before anything was compared, and says so', () => {
  const detail = { redis: 'not compared yet', clickhouse: 'not compared yet' }
  expect(fresh().readiness()).toEqual({ ready: true, detail })
})

it('is not ready while a difference stands, and again once a round finds nothing', () => {
  const verdict = fresh()
  verdict.round('redis', found(difference))
  expect(verdict.readiness()).toMatchObject({ ready: false, detail: { redis: difference } })
  verdict.round('redis', found())
  expect(verdict.readiness()).toMatchObject({ ready: true, detail: { redis: 'equal' } })
})

it('does not call a store that is away equal, nor forget what differed in it', () => {
  const verdict = fresh()
  verdict.round('clickhouse', found())
  verdict.waits('clickhouse', 'it is away')
  expect(verdict.readiness()).toMatchObject({ ready: true, detail: { clickhouse: 'it is away' } })
  verdict.round('redis', found(difference))
  verdict.waits('redis', 'it is away')
  expect(verdict.readiness()).toMatchObject({ ready: false, detail: { redis: difference } })
})

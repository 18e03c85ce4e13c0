import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { metricCatalogue, Metrics } from './index.ts'

const text = readFileSync(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8')
// | metric | kind | labels | help |
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('| faultline_'))
  .map((line) => line.split('|').map((cell) => cell.trim()))

it('docs/metrics.md lists the catalogue: every metric once, in its order', () => {
  expect(rows.map((cells) => cells.slice(1, 5))).toEqual(
    Object.entries(metricCatalogue).map(([name, { kind, labels, help }]) => [
      name,
      kind,
      labels.join(', '),
      help,
    ]),
  )
})

it('docs/metrics.md names no other metric', () => {
  const named = new Set(text.match(/faultline_[a-z_]+/g))
  expect([...named].filter((name) => !(name in metricCatalogue))).toEqual([])
})

it('a process shows what it created, with its labels, and no more', async () => {
  const metrics = new Metrics()
  metrics.counter('faultline_dead_letters_total').inc({ reason: 'UNDECODABLE' }, 2)
  metrics.gauge('faultline_live_clients').set(3)
  metrics.histogram('faultline_batch_seconds').observe({ app: 'enricher' }, 0.004)
  const shown = await metrics.registry.metrics()
  expect(shown).toContain('faultline_dead_letters_total{reason="UNDECODABLE"} 2')
  expect(shown).toContain('faultline_live_clients 3')
  expect(shown).toContain('faultline_batch_seconds_bucket{le="0.005",app="enricher"} 1')
  expect(shown).not.toContain('faultline_lag_records')
})

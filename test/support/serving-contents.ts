import assert from 'node:assert/strict'
import { decayedSumAt, type ServingContents } from '@faultline/core/ranking'

const sumTolerance = 1e-6

/**
 * Fails where two stores differ. Counts, newest values and window sums must be equal; decayed sums may differ by rounding,
 * and are compared as sums at the device's newest measurement, where a missing entry is a sum of 0.
 */
export function assertSameContents(
  actual: ServingContents,
  expected: ServingContents,
  halfLifeMs: number,
): void {
  assert.deepEqual(sorted(withoutSums(actual)), sorted(withoutSums(expected)))
  assert.deepEqual(sorted(actual.fleets), sorted(expected.fleets))
  assert.deepEqual(sortedDeep(actual.windows), sortedDeep(expected.windows))
  for (const [id, device] of expected.devices) {
    const sums = (contents: ServingContents): readonly number[] => [
      contents.devices.get(id)?.decayed_faults ?? 0,
      ...['all', device.type].map((scope) => {
        const score = contents.live.get(scope)?.get(id)
        return score === undefined ? 0 : decayedSumAt(score, device.last_measured_at, halfLifeMs)
      }),
    ]
    const [actualSums, expectedSums] = [sums(actual), sums(expected)]
    assert.ok(
      actualSums.every((sum, i) => Math.abs(sum - (expectedSums[i] ?? NaN)) < sumTolerance),
      `decayed sums of ${id}: ${actualSums.join(' ')} instead of ${expectedSums.join(' ')}`,
    )
  }
  for (const [scope, ranking] of actual.live) {
    for (const id of ranking.keys()) {
      assert.ok(expected.devices.has(id), `${id} is ranked in ${scope} and does not exist`)
      if (scope !== 'all') assert.equal(expected.devices.get(id)?.type, scope)
    }
  }
}

const withoutSums = ({ devices }: ServingContents) =>
  new Map([...devices].map(([id, device]) => [id, { ...device, decayed_faults: 0 }]))

function sorted<V>(map: ReadonlyMap<string, V>): [string, V][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

function sortedDeep<V>(map: ReadonlyMap<string, ReadonlyMap<string, V>>): unknown {
  return sorted(map).map(([key, inner]) => [key, sorted(inner)])
}

import { allTypes, rankingWindows, redisKeys } from '@faultline/contracts/redis-keys'
import type { Difference } from '../report.ts'
import type { ServingExpectation } from './expectation.ts'
import { redisDifference } from './redis-text.ts'

/** What our keys begin with; other keys of the database are not ours to judge. */
const prefixes = [
  'faultline:',
  redisKeys.topFaults(''),
  redisKeys.enrichedEvents(''),
  redisKeys.deviceSummary(''),
  redisKeys.fleetSummary(''),
] as const

/** Keys that belong to no device and no type. */
const singleKeys: readonly string[] = [
  redisKeys.progress,
  redisKeys.settings,
  redisKeys.types,
  redisKeys.generation,
]

/** Keys of ours that nothing in the topic accounts for. What stands in the others is compared elsewhere. */
export function strayKeys(
  expectation: ServingExpectation,
  keys: readonly string[],
): readonly Difference[] {
  const scopes = [...expectation.clocks().keys()]
  const known = new Set([
    ...singleKeys,
    ...scopes.flatMap((scope) => [
      redisKeys.windowClock(scope),
      redisKeys.topFaults(scope),
      redisKeys.devices(scope),
      redisKeys.fleetSummary(scope),
      ...rankingWindows.flatMap((window) => [
        redisKeys.topFaultsWindow(scope, window),
        redisKeys.windowEvents(scope, window),
      ]),
    ]),
    ...[...expectation.logs().keys()].map(redisKeys.enrichedEvents),
  ])
  known.delete(redisKeys.fleetSummary(allTypes))
  return keys
    .filter((key) => prefixes.some((prefix) => key.startsWith(prefix)))
    .filter((key) => !known.has(key) && !isOfDevice(expectation, key))
    .map((key) => redisDifference(key, '', { expected: null, actual: 'a key' }))
}

function isOfDevice(expectation: ServingExpectation, key: string): boolean {
  return [redisKeys.deviceSummary(''), redisKeys.deviceWindowEvents('')].some(
    (prefix) =>
      key.startsWith(prefix) && expectation.device(key.slice(prefix.length)) !== undefined,
  )
}

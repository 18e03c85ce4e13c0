import { progressFields, redisKeys } from '@faultline/contracts/redis-keys'
import type { Difference, OffsetVector } from '../report.ts'
import type { ServingExpectation } from './expectation.ts'
import { asHash, compareHash, redisDifference } from './redis-text.ts'

type Command = readonly (string | number)[]

/** Structures that depend on every partition: what is read of them at once, and how they compare. */
export interface WholeReading {
  readonly commands: readonly Command[]
  compare(expectation: ServingExpectation, replies: readonly unknown[]): Difference[]
}

/** A few dozen small keys: settings, types, the counters of each fleet, the clock of each scope. */
export function wholeReading(scopes: readonly string[], windowEventsMax: number): WholeReading {
  return {
    commands: [
      ['hgetall', redisKeys.settings],
      ['smembers', redisKeys.types],
      ...scopes.map((scope): Command => ['hgetall', redisKeys.windowClock(scope)]),
      ...scopes.map((type): Command => ['hgetall', redisKeys.fleetSummary(type)]),
    ],
    compare(expectation, [settings, types, ...hashes]) {
      const fleets = expectation.fleets()
      expectation.setCrowded(crowdedScopes(scopes, hashes))
      const halfLife = new Map([['half_life_ms', String(expectation.settings.halfLifeMs)]])
      return [
        ...(expectation.offsets().size === 0
          ? []
          : compareHash(redisKeys.settings, halfLife, settings)),
        ...compareTypes(new Set(fleets.keys()), types),
        ...scopes.flatMap((scope, i) =>
          compareClock(expectation, { scope, windowEventsMax }, hashes[i]),
        ),
        ...scopes.flatMap((type, i) => {
          const counts = Object.entries(fleets.get(type) ?? {})
          const texts = counts.map(([field, count]) => [field, String(count)] as const)
          return compareHash(
            redisKeys.fleetSummary(type),
            new Map(texts),
            hashes[scopes.length + i],
          )
        }),
      ]
    },
  }
}

function compareTypes(expected: ReadonlySet<string>, reply: unknown): Difference[] {
  const key = redisKeys.types
  if (!Array.isArray(reply)) {
    return [redisDifference(key, '', { expected: 'a set', actual: String(reply) })]
  }
  const actual = new Set(reply as readonly string[])
  const missing = [...expected].filter((type) => !actual.has(type))
  const superfluous = [...actual].filter((type) => !expected.has(type))
  return [
    ...missing.map((type) => redisDifference(key, type, { expected: 'a member', actual: null })),
    ...superfluous.map((type) =>
      redisDifference(key, type, { expected: null, actual: 'a member' }),
    ),
  ]
}

function compareClock(
  expectation: ServingExpectation,
  { scope, windowEventsMax }: { readonly scope: string; readonly windowEventsMax: number },
  reply: unknown,
): Difference[] {
  const clock = expectation.clocks().get(scope)
  const expected = new Map<string, string>()
  if (clock !== undefined) expected.set('stream_time', String(clock))
  // How many events a window had no room for depends on the order of the partitions; only that it had to drop any is known.
  const mayDrop = expectation.windowPeak(scope) * 1.1 > windowEventsMax
  const dropped = droppedEvents(reply)
  if (mayDrop && dropped !== null) expected.set('dropped', dropped)
  return compareHash(redisKeys.windowClock(scope), expected, reply)
}

function droppedEvents(clock: unknown): string | null {
  const dropped = asHash(clock)?.['dropped']
  return dropped !== undefined && /^\d+$/.test(dropped) ? dropped : null
}

/** The scopes whose windows had no room for all events. */
function crowdedScopes(scopes: readonly string[], clocks: readonly unknown[]): ReadonlySet<string> {
  return new Set(scopes.filter((_, i) => (droppedEvents(clocks[i]) ?? '0') !== '0'))
}

/** The offsets that a reading of faultline:progress states. */
export function statedOffsets(progress: unknown): OffsetVector {
  const offsets = new Map<number, number>()
  for (const [field, text] of Object.entries(asHash(progress) ?? {})) {
    if (/^\d+$/.test(field) && /^\d+$/.test(text)) offsets.set(Number(field), Number(text))
  }
  return offsets
}

/** Offsets are what everything else is held against; the times beside them follow from the records below. */
export function compareProgress(expectation: ServingExpectation, reply: unknown): Difference[] {
  const key = redisKeys.progress
  const actual = asHash(reply)
  if (actual === null) {
    return [redisDifference(key, '', { expected: 'a hash', actual: String(reply) })]
  }
  const expected = new Map<string, string>()
  for (const partition of statedOffsets(reply).keys()) {
    const offset = progressFields.nextOffset(partition)
    expected.set(offset, actual[offset] ?? '')
    const measuredAt = expectation.newestMeasuredAt(partition)
    if (measuredAt !== undefined) {
      expected.set(progressFields.measuredAt(partition), String(measuredAt))
    }
  }
  const unstated: Difference[] = []
  for (const [field, text] of Object.entries(actual)) {
    // An epoch counts owners; nothing in the topic says how many there were.
    const isEpoch = /^epoch:\d+$/.test(field) && /^[1-9]\d*$/.test(text)
    const partition = /^(?:measured_at:)?(\d+)$/.exec(field)?.[1]
    const isUnstated = partition !== undefined && !expected.has(partition)
    if (isEpoch || isUnstated) expected.set(field, text)
    if (!isUnstated) continue
    const found = actual[partition] ?? null
    unstated.push(redisDifference(key, partition, { expected: 'an offset', actual: found }))
  }
  if (Object.keys(actual).length === 0) return []
  return [...unstated, ...compareHash(key, expected, actual)]
}

/** The offset of a partition is wrong where what lies beyond it was applied. */
export function offsetOfApplied(
  expectation: ServingExpectation,
  partition: number,
  applied: string | undefined,
): Difference[] {
  const next = expectation.offsets().get(partition) ?? 0
  if (applied === undefined || !/^\d+$/.test(applied) || Number(applied) < next) return []
  const expected = `at least ${Number(applied) + 1}`
  const field = progressFields.nextOffset(partition)
  return [redisDifference(redisKeys.progress, field, { expected, actual: String(next) })]
}

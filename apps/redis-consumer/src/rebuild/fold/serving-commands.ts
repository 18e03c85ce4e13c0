import { writtenFields } from '@faultline/contracts/device-summary'
import { allTypes, progressFields, redisKeys } from '@faultline/contracts/redis-keys'
import { decayedSumAt, unitsPerScore } from '@faultline/core/ranking'
import { recordHeader } from '../../commands/lua-prelude.ts'
import { encodeRecord } from '../../encode-record.ts'
import type { LoggedEvent } from './event-log.ts'
import { memberOf } from './fault-window.ts'
import { windowNames } from './scope.ts'
import type { FoldedDevice, ServingFold } from './serving-fold.ts'

/** A Redis command with its arguments. */
export type Command = readonly [name: string, key: string, ...args: string[]]

/** Members of one ZADD: few enough that other clients of Redis do not wait for it. */
const membersPerCommand = 200

/**
 * The commands that write what was folded into an empty database. No entry of a log gets an id later than `latestMs`, which is the
 * server's time, so that what is appended later follows.
 */
export function* servingCommands(fold: ServingFold, latestMs: number): Generator<Command> {
  yield ['HSET', redisKeys.settings, 'half_life_ms', String(fold.settings.halfLifeMs)]
  for (const [id, device] of fold.devices) yield* deviceCommands(id, device, fold)
  yield* fleetCommands(fold)
  yield* scopeCommands(fold)
  for (const [type, log] of fold.logs) {
    const key = redisKeys.enrichedEvents(type)
    for (const { id, ...event } of log.entries(latestMs)) {
      yield ['XADD', key, id, ...eventFields(event)]
    }
  }
  for (const [partition, { nextOffset, measuredAt }] of fold.partitions) {
    yield ['HSET', redisKeys.progress, progressFields.nextOffset(partition), String(nextOffset)]
    if (measuredAt === null) continue
    yield ['HSET', redisKeys.progress, progressFields.measuredAt(partition), String(measuredAt)]
  }
}

function* deviceCommands(
  id: string,
  device: FoldedDevice,
  { settings }: ServingFold,
): Generator<Command> {
  const lastMs = device.newest.measurement.measured_at
  const sum = device.score === null ? 0 : decayedSumAt(device.score, lastMs, settings.halfLifeMs)
  yield [
    'HSET',
    redisKeys.deviceSummary(id),
    'first_seen',
    String(device.firstSeen),
    'events_total',
    String(device.eventsTotal),
    'faults_total',
    String(device.faultsTotal),
    'decayed_faults',
    nineDigits(sum),
    ...writtenTexts(device.newest).flatMap((text, i) => [writtenFields[i]?.summary ?? '', text]),
  ]
  for (const scope of [device.type, allTypes]) {
    yield ['ZADD', redisKeys.devices(scope), '0', id]
    if (device.score === null) continue
    yield ['ZADD', redisKeys.topFaults(scope), String(device.score), id]
  }
  const key = redisKeys.deviceWindowEvents(id)
  yield* sortedSet(key, device.held.values(), ({ ofType }) => [
    ofType.measuredAt,
    `${ofType.id}:${ofType.units}`,
  ])
}

function* fleetCommands({ devices }: ServingFold): Generator<Command> {
  const fleets = new Map<string, Record<string, number>>()
  for (const { type, newest, eventsTotal, faultsTotal } of devices.values()) {
    const fleet = fleets.get(type) ?? {
      devices: 0,
      devices_normal: 0,
      devices_warning: 0,
      devices_critical: 0,
      events: 0,
      faults: 0,
    }
    const level = `devices_${newest.measurement.alert_level}` as const
    fleet['devices'] = (fleet['devices'] ?? 0) + 1
    fleet[level] = (fleet[level] ?? 0) + 1
    fleet['events'] = (fleet['events'] ?? 0) + eventsTotal
    fleet['faults'] = (fleet['faults'] ?? 0) + faultsTotal
    fleets.set(type, fleet)
  }
  for (const [type, fleet] of fleets) {
    yield ['SADD', redisKeys.types, type]
    const fields = Object.entries(fleet).flatMap(([field, count]) => [field, String(count)])
    yield ['HSET', redisKeys.fleetSummary(type), ...fields]
  }
}

function* scopeCommands({ scopes }: ServingFold): Generator<Command> {
  for (const [name, scope] of scopes) {
    if (scope.streamTime > -Infinity) {
      const dropped = scope.dropped > 0 ? ['dropped', String(scope.dropped)] : []
      const clock = ['stream_time', String(scope.streamTime), ...dropped]
      yield ['HSET', redisKeys.windowClock(name), ...clock]
    }
    for (const [i, window] of windowNames.entries()) {
      const held = scope.windows[i]
      if (held === undefined) continue
      yield* sortedSet(redisKeys.windowEvents(name, window), held.events(), (event) => [
        event.measuredAt,
        memberOf(event),
      ])
      yield* sortedSet(redisKeys.topFaultsWindow(name, window), held.sums, ([id, units]) => [
        units / unitsPerScore,
        id,
      ])
    }
  }
}

function* sortedSet<T>(
  key: string,
  items: Iterable<T>,
  entryOf: (item: T) => readonly [score: number, member: string],
): Generator<Command> {
  let args: string[] = []
  for (const item of items) {
    const [score, member] = entryOf(item)
    args.push(String(score), member)
    if (args.length < 2 * membersPerCommand) continue
    yield ['ZADD', key, ...args]
    args = []
  }
  if (args.length > 0) yield ['ZADD', key, ...args]
}

function writtenTexts({ offset, measurement }: LoggedEvent): readonly string[] {
  const { device_id } = measurement
  return encodeRecord({ offset, device_id, measurement }).slice(recordHeader).map(String)
}

function eventFields(event: LoggedEvent): readonly string[] {
  return writtenTexts(event).flatMap((text, i) => {
    const field = writtenFields[i]?.event ?? null
    return field === null ? [] : [field, text]
  })
}

/** A number as the scripts write it, `%.9g`. */
function nineDigits(value: number): string {
  // C changes to an exponent below 1e-4, JavaScript only below 1e-6.
  const isTiny = value !== 0 && Math.abs(value) < 1e-4
  const [digits = '', exponent] = (isTiny ? value.toExponential(8) : value.toPrecision(9)).split(
    'e',
  )
  const short = digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits
  return exponent === undefined ? short : `${short}e${exponent.replace(/^([+-])(\d)$/, '$10$2')}`
}

import fc from 'fast-check'
import type { DeviceRecord } from '../../apps/redis-consumer/src/serving-store.ts'
import { enrichedMeasurement } from './enriched-measurements.ts'

const hour = 3_600_000
const t0 = 1_700_000_000_000
export const partitions = [0, 1, 2]
const deviceIds = ['AC-1', 'AC:2', 'AC-3:7', 'P 4', 'P-5', 'P-6']
const types = ['hvac', 'pump']
const levels = ['normal', 'warning', 'critical'] as const

/** What may happen to a device, before it is given its place in a log. */
export const logEntry = fc.record({
  kind: fc.constantFrom('measure', 'measure', 'measure', 'measure', 'correct', 'remove'),
  device: fc.nat(deviceIds.length - 1),
  type: fc.nat(types.length - 1),
  when: fc.double({ min: 0, max: 1, noNaN: true }),
  score: fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
  level: fc.constantFrom(...levels),
  reasons: fc.subarray(['HIGH_TEMP', 'LOW_TEMP']),
  pick: fc.nat(1_000),
  skippedOffsets: fc.constantFrom(0, 0, 0, 1, 5),
})
type Entry = typeof logEntry extends fc.Arbitrary<infer E> ? E : never

/**
 * `corrections`: within the longest window, events are corrected and devices change their type. `expiry`: over days, so that
 * events leave the windows while others come late. A correction of what has left every window is not applied (docs/ranking.md).
 */
export const worlds = {
  corrections: { spanMs: 20 * hour, allKinds: true },
  expiry: { spanMs: 96 * hour, allKinds: false },
} as const
type World = (typeof worlds)[keyof typeof worlds]

/** Writes the partitions' logs: offsets rise, some hold no record, a device stays in its partition. */
export function writeLogs(entries: readonly Entry[], world: World): DeviceRecord[][] {
  const logs: DeviceRecord[][] = partitions.map(() => [])
  const written: { device_id: string; event_id: string; measured_at: number; revision: number }[] =
    []
  entries.forEach((spec, i) => {
    const log = logs[spec.device % partitions.length] ?? []
    const offset = (log.at(-1)?.offset ?? -1) + 1 + spec.skippedOffsets
    const device_id = deviceIds[spec.device] ?? ''
    if (spec.kind === 'remove') {
      log.push({ offset, device_id, measurement: null })
      return
    }
    const own = written.filter((event) => event.device_id === device_id)
    const corrected = world.allKinds && spec.kind === 'correct' ? own[spec.pick % own.length] : null
    const event = corrected ?? {
      device_id,
      event_id: String(i),
      measured_at: t0 + Math.round(spec.when * world.spanMs),
      revision: 0,
    }
    event.revision += 1
    if (event.revision === 1) written.push(event)
    log.push({
      offset,
      device_id,
      measurement: enrichedMeasurement({
        ...event,
        type: types[world.allKinds ? spec.type : spec.device % types.length] ?? '',
        fault_score: spec.score,
        alert_level: spec.level,
        fault_reasons: spec.reasons,
      }),
    })
  })
  return logs
}

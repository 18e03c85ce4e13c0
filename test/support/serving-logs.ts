import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { enrichedMeasurement } from './enriched-measurements.ts'

export interface LoggedRecord {
  readonly offset: number
  readonly device_id: string
  readonly measurement: EnrichedMeasurement | null
}

const hour = 3_600_000
const levels = ['normal', 'warning', 'critical'] as const

/** Numbers in [0, 1) that one seed always gives in the same order. */
export function chance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

interface FleetShape {
  readonly records: number
  readonly partitions: number
  readonly devices: number
  readonly seed: number
}

/**
 * The logs of a small fleet over 40 hours: faults here and there, late records, corrections, removals, offsets without a record.
 * Devices keep their type and their partition.
 */
export function fleetLogs({ records, partitions, devices, seed }: FleetShape): LoggedRecord[][] {
  const next = chance(seed)
  const logs: LoggedRecord[][] = Array.from({ length: partitions }, () => [])
  const last = new Map<string, EnrichedMeasurement>()
  for (let n = 0; n < records; n++) {
    const device = Math.floor(next() * devices)
    const partition = device % partitions
    const log = logs[partition] ?? []
    const offset = (log.at(-1)?.offset ?? -1) + (next() < 0.05 ? 2 : 1)
    const device_id = `AC:${String(device).padStart(3, '0')}`
    if (next() < 0.01) {
      log.push({ offset, device_id, measurement: null })
      last.delete(device_id)
      continue
    }
    const known = next() < 0.05 ? last.get(device_id) : undefined
    const before = known && {
      event_id: known.event_id,
      measured_at: known.measured_at,
      revision: known.revision,
    }
    const time = 1_700_000_000_000 + (n / records) * 40 * hour - (next() < 0.1 ? hour : 0)
    const measurement = enrichedMeasurement({
      ...reading(next, n),
      ...(before ?? { event_id: String(1_000 + n), measured_at: Math.round(time), revision: 0 }),
      device_id,
      type: device % 3 === 0 ? 'pump' : 'hvac',
      name: `Unit "${device}" é`,
      source: { partition, offset: offset * 2, lsn: n, transaction: n % 2 === 0 ? `tx${n}` : null },
    })
    const revised = { ...measurement, revision: measurement.revision + 1 }
    last.set(device_id, revised)
    log.push({ offset, device_id, measurement: revised })
  }
  return logs
}

/** What a measurement says beside who, when and where. */
function reading(next: () => number, n: number): Partial<EnrichedMeasurement> {
  const isFault = next() < 0.5
  const fault_score = isFault ? next() : 0
  const explanation = {
    source: 'rule',
    code: 'HIGH_TEMP',
    channel: 'temp',
    value: next() * 50,
    limit: 35,
    contribution: fault_score,
  } as const
  return {
    fault_score,
    fault_reasons: isFault ? ['HIGH_TEMP'] : [],
    explanation: isFault ? [explanation] : [],
    location: next() < 0.5 ? 'Depot 1' : null,
    car_number: next() < 0.5 ? Math.floor(next() * 8) : null,
    fault_probability: next() < 0.3 ? next() : null,
    alert_level: levels[Math.floor(next() * levels.length)] ?? 'normal',
    alarm_level: next() < 0.2 ? 'HIGH' : null,
    readings: [next(), Number.NaN, -1.5],
    features: next() < 0.9 ? { max_z: next() * 4, events: n } : {},
    committed_at: 1_700_000_000_000 + n,
  }
}

import type { Measurement } from '@faultline/ingest/measurements'
import { defaultFaults, faultAt, type FaultPlan } from './fault.ts'
import { ReadingsModel } from './readings.ts'
import type { Report } from './schedule.ts'
import { fleetUnits } from './unit.ts'

export interface FleetOptions {
  readonly seed: number
  /** 500 where absent. */
  readonly units?: number
  /** What the ids begin with; `AC` where absent. */
  readonly idPrefix?: string
  /** Readings a report: the model metro-hvac has 100, which is what it is where absent. At least 7. */
  readonly channels?: number
  readonly faults?: FaultPlan
}

export const defaultFleetSize = 500
export const metroHvacChannels = 100

/** The fleet as a function: the same options give the same measurement for the same unit and time, always. */
export function createFleet(options: FleetOptions) {
  const { seed, faults = defaultFaults, channels = metroHvacChannels } = options
  const units = fleetUnits(options.units ?? defaultFleetSize, options.idPrefix ?? 'AC')
  const model = new ReadingsModel(seed, channels)
  return {
    units,
    channels,
    measure: ({ unit: index, timeMs }: Report): Measurement => {
      const unit = units[index]
      if (unit === undefined) throw new RangeError(`there is no unit ${index}`)
      const moment = { seed, unit: index, timeMs }
      const readings = model.readingsAt(moment, faultAt(moment, faults))
      return {
        deviceId: unit.deviceId,
        measuredAtMs: timeMs,
        readings,
        carNumber: unit.carNumber,
      }
    },
  }
}

export type Fleet = ReturnType<typeof createFleet>

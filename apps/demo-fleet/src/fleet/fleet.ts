import type { Measurement } from '@faultline/ingest/measurements'
import { faultAt } from './fault.ts'
import { readingsAt } from './readings.ts'
import type { Report } from './schedule.ts'
import { fleetUnits } from './unit.ts'

/** The fleet as a function: the same seed gives the same measurement for the same unit and time, always. */
export function createFleet(seed: number) {
  const units = fleetUnits()
  return {
    units,
    measure: ({ unit: index, timeMs }: Report): Measurement => {
      const unit = units[index]
      if (unit === undefined) throw new RangeError(`there is no unit ${index}`)
      const readings = readingsAt({ seed, unit: index, timeMs }, faultAt(seed, index, timeMs))
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

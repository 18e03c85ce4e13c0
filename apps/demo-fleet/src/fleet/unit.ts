/** One heating and cooling unit of the fleet. */
export interface Unit {
  /** From 0. */
  readonly index: number
  readonly deviceId: string
  readonly name: string
  readonly line: string
  readonly location: string
  readonly carNumber: number
}

export const fleetSize = 500

const lines = 12
const depots = ['Depot North', 'Depot East', 'Depot South', 'Depot West'] as const

/** The fleet: AC-0001 to AC-0500, on twelve lines; each depot serves three. */
export function fleetUnits(): readonly Unit[] {
  return Array.from({ length: fleetSize }, (_, index) => {
    const number = String(index + 1).padStart(4, '0')
    const line = index % lines
    const carNumber = 1_000 + index
    return {
      index,
      deviceId: `AC-${number}`,
      name: `HVAC unit ${number}`,
      line: `Line ${line + 1}`,
      location: `${depots[Math.floor(line / 3)] ?? depots[0]}, car ${carNumber}`,
      carNumber,
    }
  })
}

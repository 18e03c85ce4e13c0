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

const lines = 12
const depots = ['Depot North', 'Depot East', 'Depot South', 'Depot West'] as const

/** A fleet, AC-0001 onwards, on twelve lines; each depot serves three. */
export function fleetUnits(count: number, idPrefix: string): readonly Unit[] {
  return Array.from({ length: count }, (_, index) => {
    const number = String(index + 1).padStart(4, '0')
    const line = index % lines
    const carNumber = 1_000 + index
    return {
      index,
      deviceId: `${idPrefix}-${number}`,
      name: `HVAC unit ${number}`,
      line: `Line ${line + 1}`,
      location: `${depots[Math.floor(line / 3)] ?? depots[0]}, car ${carNumber}`,
      carNumber,
    }
  })
}

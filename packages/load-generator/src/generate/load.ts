import type { Measurement } from '@faultline/ingest/measurements'
import { chance, chanceBetween } from '../fleet/chance.ts'
import type { Fleet } from '../fleet/index.ts'

/** What can be wrong with a row, on purpose. */
export type Defect = 'clock' | 'device-id' | 'channels'

interface GeneratedRow {
  readonly row: Measurement
  /** Measured a minute to two hours before its turn. */
  readonly isLate: boolean
  readonly defect: Defect | undefined
}

export interface LoadOptions {
  readonly fleet: Fleet
  readonly seed: number
  /** Epoch ms of the first row. */
  readonly startMs: number
  /** How many rows a second of the fleet's own clock has. */
  readonly rowsPerSecond: number
  readonly lateShare: number
  readonly badShare: number
  /** What may be wrong with a bad row: not every format can carry every mistake. */
  readonly defects: readonly Defect[]
}

export type Load = (n: number) => GeneratedRow

const use = { isLate: 301, lateness: 302, isBad: 303, defect: 304 } as const
const minuteMs = 60_000

/** Row `n` (from 0) of a load, as a function of the options and `n`: whoever asks for it, and in which order, gets the same. */
export function createLoad(options: LoadOptions): Load {
  const { fleet, seed, startMs, rowsPerSecond, lateShare, badShare, defects } = options
  return (n) => {
    const isLate = chance([seed, use.isLate, n]) < lateShare
    const lateMs = isLate
      ? Math.floor(chanceBetween([seed, use.lateness, n], minuteMs, 120 * minuteMs))
      : 0
    const timeMs = startMs + Math.floor((n * 1_000) / rowsPerSecond) - lateMs
    const row = fleet.measure({ unit: n % fleet.units.length, timeMs })
    if (chance([seed, use.isBad, n]) >= badShare) return { row, isLate, defect: undefined }
    const defect = defects[Math.floor(chance([seed, use.defect, n]) * defects.length)]
    return { row: defect === undefined ? row : spoil(row, defect), isLate, defect }
  }
}

function spoil(row: Measurement, defect: Defect): Measurement {
  switch (defect) {
    case 'clock':
      return { ...row, measuredAtMs: Date.UTC(2106, 1, 7) }
    case 'device-id':
      return { ...row, deviceId: '' }
    case 'channels':
      return { ...row, readings: Float32Array.of(...row.readings, 1) }
  }
}

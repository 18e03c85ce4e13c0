import { progressFields } from '@faultline/contracts/redis-keys'
import type { AppliedPosition, Progress } from '../ports/progress.ts'

const partitionField = /^\d+$/

/** The hash `faultline:progress` as a progress. */
export function progressOf(hash: Readonly<Record<string, string>>): Progress {
  const positions: AppliedPosition[] = []
  for (const [field, nextOffset] of Object.entries(hash)) {
    if (!partitionField.test(field) || Number(nextOffset) < 1) continue
    const measuredAt = hash[progressFields.measuredAt(field)]
    positions.push({
      partition: Number(field),
      offset: Number(nextOffset) - 1,
      measuredAt: measuredAt === undefined ? null : Number(measuredAt),
    })
  }
  return positions.sort((one, other) => one.partition - other.partition)
}

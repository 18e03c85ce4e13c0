import { frameBytes, frameChannels } from '@faultline/core/frame'

/** What each of the holders of records may hold. */
export interface Shares {
  /** Records of a batch: one fills while another is on its way. */
  readonly batchRecords: number
  /** Whole records of a file that are read at once, in bytes: the next piece is read while one is worked on. */
  readonly pieceBytes: number
}

/** A larger piece is read no faster. */
const pieceRecordsMax = 2_400

/**
 * Shares out the points that may be read and not committed: a tenth for each of two pieces, the rest for two batches. A record counts
 * as its 100 points, also a bad one.
 */
export function shareOut(pointsMax: number): Shares {
  const records = Math.floor(pointsMax / frameChannels)
  const pieceRecords = Math.min(pieceRecordsMax, Math.floor(records / 10))
  return {
    batchRecords: Math.floor(records / 2) - pieceRecords,
    pieceBytes: pieceRecords * frameBytes,
  }
}

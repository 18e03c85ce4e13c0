import type { Progress } from '../ports/progress.ts'

export const asOfHeader = 'Faultline-As-Of'

/**
 * The progress as a structured-field list (RFC 9651): `0;offset=41;measured_at=1763731911000, 1;offset=7`. Each item is a
 * partition of the enriched topic, `offset` the last one applied, `measured_at` epoch ms.
 */
export function asOfText(progress: Progress): string {
  return progress
    .map(({ partition, offset, measuredAt }) =>
      measuredAt === null
        ? `${partition};offset=${offset}`
        : `${partition};offset=${offset};measured_at=${measuredAt}`,
    )
    .join(', ')
}

/** The same as it stands in a body. */
export function asOfBody(progress: Progress) {
  return progress.map(({ partition, offset, measuredAt }) => ({
    partition,
    offset,
    measured_at: measuredAt === null ? null : isoTime(measuredAt),
  }))
}

/** RFC 3339 in UTC. @throws RangeError beyond the year 275760, which no stored time reaches */
export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString()
}

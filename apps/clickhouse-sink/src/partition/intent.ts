/**
 * What is committed beside a group's offset: the range that is about to be written from that offset on. The next owner writes
 * exactly this range again, with the same time of ingestion, before it goes on, so that both attempts are one and the same to
 * ClickHouse.
 */
export interface Intent {
  /** One past the last record of the range. */
  readonly end: number
  /** Epoch seconds. */
  readonly ingestedAt: number
}

/**
 * ClickHouse counts these seconds in 32 bits and adds years to them, to know when rows are to go: beyond 2106 it begins again in
 * 1970, and what was stored today would be deleted at once. So no row is stored as if it came later than this.
 */
const latest = Date.UTC(2100, 0, 1) / 1_000

/**
 * When rows are said to have come in. A clock that stands wrong must not make them old before their time: nothing comes in before
 * it was committed.
 * @param nowMs this machine's clock. @param newestCommitMs the newest commit among the rows
 */
export function ingestionTime(nowMs: number, newestCommitMs: number): number {
  const seconds = Math.floor(Math.max(nowMs, newestCommitMs, 0) / 1_000)
  return Math.min(seconds, latest)
}

const pattern = /^until:(\d{1,16}) at:(\d{1,10})$/

export function intentText({ end, ingestedAt }: Intent): string {
  return `until:${end} at:${ingestedAt}`
}

/** The intent, or null when the offset was committed without one (or by another program). */
export function readIntent(metadata: string): Intent | null {
  const match = pattern.exec(metadata)
  if (match === null) return null
  // An earlier version announced what its clock said, and then could not write it.
  return { end: Number(match[1]), ingestedAt: Math.min(Number(match[2]), latest) }
}

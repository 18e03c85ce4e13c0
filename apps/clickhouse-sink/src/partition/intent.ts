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

const pattern = /^until:(\d{1,16}) at:(\d{1,10})$/

export function intentText({ end, ingestedAt }: Intent): string {
  return `until:${end} at:${ingestedAt}`
}

/** The intent, or null when the offset was committed without one (or by another program). */
export function readIntent(metadata: string): Intent | null {
  const match = pattern.exec(metadata)
  return match === null ? null : { end: Number(match[1]), ingestedAt: Number(match[2]) }
}

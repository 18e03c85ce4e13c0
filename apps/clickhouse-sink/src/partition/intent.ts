/**
 * What is committed beside a group's offset: the end of the range that is about to be written from that offset on. The next
 * owner writes exactly this range again before it goes on, so that both attempts bear the same name in ClickHouse.
 */
const pattern = /^until:(\d{1,16})$/

export function intentText(end: number): string {
  return `until:${end}`
}

/** The intended end, or null when the offset was committed without an intent (or by another program). */
export function intendedEnd(metadata: string): number | null {
  const match = pattern.exec(metadata)
  return match === null ? null : Number(match[1])
}

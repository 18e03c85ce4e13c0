import type { DeviceState } from './device-state.ts'
import { header, ring } from './layout.ts'

/** One change of one row: the same at every delivery. Both are below 2^53. */
export interface RowChange {
  readonly lsn: number
  /** `raw_measurements.id` */
  readonly id: number
}

/** Whether this change is among the last 16 that `remember` was told of for this device. */
export function seenBefore(state: DeviceState, { lsn, id }: RowChange): boolean {
  const { view } = state
  const length = Math.min(view.getUint32(header.remembered, true), ring.length)
  for (let at = ring.at; at < ring.at + length * ring.bytes; at += ring.bytes) {
    if (view.getFloat64(at, true) === lsn && view.getFloat64(at + 8, true) === id) return true
  }
  return false
}

/** Notes a change as done, in place of the oldest of the last 16. */
export function remember(state: DeviceState, { lsn, id }: RowChange): void {
  const { view } = state
  const remembered = view.getUint32(header.remembered, true)
  const at = ring.at + (remembered % ring.length) * ring.bytes
  view.setFloat64(at, lsn, true)
  view.setFloat64(at + 8, id, true)
  // Past 2^32 the number goes on from the ring's length, which divides it, so a full ring never looks short again.
  const next = remembered + 1
  view.setUint32(header.remembered, next > 0xffff_ffff ? ring.length : next, true)
}

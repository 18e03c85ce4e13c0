import { startsKeptMax } from '../model/index.ts'

/**
 * Where things are in the bytes of a device's state (little endian; docs/scoring.md has the table):
 * header, redelivery ring, start counters, and last the channels, so that a model can get more of them.
 */
export const layoutVersion = 1

export const header = {
  version: 0,
  /** u8: number of start counters. */
  counters: 1,
  /** u32 */
  channels: 4,
  /** u32: hash of the model's name and channels. */
  channelHash: 8,
  /** u32: pairs ever remembered, modulo 2^32. */
  remembered: 12,
  /** f64 */
  events: 16,
  /** f64, epoch ms. */
  lastMeasuredAt: 24,
  /** f64 */
  decayedFaults: 32,
} as const

/** The pairs (lsn, row id) last seen, two f64 each. The length divides 2^32, so the place is `remembered % length`. */
export const ring = { at: 40, length: 16, bytes: 16 } as const

/** A start counter: its key, what the channel did last, and a ring of start times. */
export const counter = {
  /** u32 */
  key: 0,
  /** u8: see `running`. */
  running: 4,
  /** u8: starts in the ring. */
  length: 5,
  /** u8: place of the oldest. */
  oldest: 6,
  /** u32 each: epoch ms modulo 2^32, which is enough because none is older than two hours. */
  times: 8,
  bytes: 8 + startsKeptMax * 4,
} as const

export const running = { unknown: 0, no: 1, yes: 2 } as const

export const countersAt = ring.at + ring.length * ring.bytes

/** Mean and variance, f64 each. A variance of -1 says that the channel has not had a value yet. */
export const channelBytes = 16
export const noValueYet = -1

export function channelsAt(counters: number): number {
  return countersAt + counters * counter.bytes
}

export function stateLength(counters: number, channels: number): number {
  return channelsAt(counters) + channels * channelBytes
}

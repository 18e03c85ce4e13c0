import { startsKeptMax } from '../model/index.ts'

/**
 * Where things are in the bytes of a device's state (little endian; docs/scoring.md has the table):
 * header, start counters, and last the channels, so that a model can get more of them.
 */
export const layoutVersion = 2

export const header = {
  version: 0,
  /** u8: number of start counters. */
  counters: 1,
  /** u32 */
  channels: 4,
  /** u32: hash of the model's name and channels. */
  channelHash: 8,
  /** f64 */
  events: 16,
  /** f64, epoch ms. */
  lastMeasuredAt: 24,
  /** f64 */
  decayedFaults: 32,
  /** f64 each: the place in the log of the measurement that came last in commit order. */
  commit: 40,
  lsn: 48,
} as const

/**
 * Version 1 had the last 16 changes (lsn, row id; two f64 each) in place of the position, and at 12 a u32 that counted them:
 * the place of the next one is that number modulo 16.
 */
export const versionOne = { remembered: 12, ring: 40, ringLength: 16, countersAt: 296 } as const

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

export const countersAt = 56

/** Mean and variance, f64 each. A variance of -1 says that the channel has not had a value yet. */
export const channelBytes = 16
export const noValueYet = -1

export function channelsAt(counters: number): number {
  return countersAt + counters * counter.bytes
}

export function stateLength(counters: number, channels: number): number {
  return channelsAt(counters) + channels * channelBytes
}

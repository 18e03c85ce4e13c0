import { describe, expect, it } from 'vitest'
import { forecastSlot } from './slot-forecast.ts'
import type { SlotStatus } from './slot-status.ts'

const mebibyte = 1_048_576

function sample(
  atSeconds: number,
  retainedMiB: number | null,
  room: { readonly safeMiB?: number; readonly diskMiB?: number } = {},
) {
  const bytes = (count: number | null | undefined) =>
    count === null || count === undefined ? null : count * mebibyte
  const status: SlotStatus = {
    slot: 'faultline_slot',
    exists: true,
    active: false,
    wal_status: 'reserved',
    retained_bytes: bytes(retainedMiB),
    safe_wal_size: bytes(room.safeMiB),
    confirmed_flush_lag_bytes: 0,
    confirmed_flush_lsn: 0,
  }
  return { atMs: atSeconds * 1_000, status, diskFreeBytes: bytes(room.diskMiB) }
}

describe('the forecast of a slot', () => {
  it('divides the smaller room by the growth of what is held back', () => {
    const forecast = forecastSlot(sample(0, 100), sample(10, 150, { safeMiB: 900, diskMiB: 500 }))
    expect(forecast).toEqual({
      roomBytes: 500 * mebibyte,
      growthBytesPerSecond: 5 * mebibyte,
      secondsLeft: 100,
    })
  })

  it('is endless while the slot keeps up', () => {
    const forecast = forecastSlot(sample(0, 100), sample(10, 40, { diskMiB: 500 }))
    expect(forecast).toMatchObject({ growthBytesPerSecond: 0, secondsLeft: null })
  })

  it('knows no end where no limit is known, and a past one where the room is overdrawn', () => {
    expect(forecastSlot(sample(0, 1), sample(1, 2))).toMatchObject({
      roomBytes: null,
      secondsLeft: null,
    })
    expect(forecastSlot(sample(0, 1), sample(1, 2, { safeMiB: -3 }))).toMatchObject({
      roomBytes: 0,
      secondsLeft: 0,
    })
  })

  it('says nothing of growth from a single look', () => {
    expect(forecastSlot(sample(5, 1), sample(5, 1, { diskMiB: 1 })).secondsLeft).toBeNull()
  })
})

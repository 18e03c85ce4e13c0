import { describe, expect, it } from 'vitest'
import type { SlotSample } from '@faultline/runtime/postgres'
import { SlotGuard } from './slot-guard.ts'

const gibibyte = 1_073_741_824

interface Seen {
  readonly retained?: number
  readonly free?: number
  readonly exists?: boolean
  readonly walStatus?: string
}

function sample(minute: number, seen: Seen = {}): SlotSample {
  const { retained = 0, free = 100, exists = true, walStatus = 'reserved' } = seen
  const status = {
    slot: 'faultline_slot',
    exists,
    active: false,
    wal_status: exists ? walStatus : null,
    retained_bytes: exists ? retained * gibibyte : null,
    safe_wal_size: null,
    confirmed_flush_lag_bytes: 0,
    confirmed_flush_lsn: 0,
  }
  return { atMs: minute * 60_000, status, diskFreeBytes: free * gibibyte }
}

/** The alarms of looks a minute apart. */
function alarms(looks: readonly Seen[]): (string | null)[] {
  const guard = new SlotGuard()
  return looks.map((seen, minute) => guard.judge(sample(minute, seen)).alarm)
}

describe('the guard of the slot', () => {
  it('is quiet while what the slot holds back goes up and down', () => {
    expect(
      alarms([{ retained: 1 }, { retained: 2 }, { retained: 0.5 }, { retained: 1.5 }]),
    ).toEqual([null, null, null, null])
  })

  it('raises an alarm an hour before the room is used up, once that has lasted a minute', () => {
    const found = alarms([0, 2, 4, 6].map((retained) => ({ retained, free: 60 - retained })))
    expect(found.slice(0, 2)).toEqual([null, null])
    expect(found[2]).toContain('uses up the room for the log in 28 min; nobody reads from it')
  })

  it('raises an alarm when it holds back more than there is room for, however slowly that grows', () => {
    const seen = { retained: 5, free: 4 }
    expect(alarms([seen, seen])[1]).toContain('more of the log than there is room left for')
  })

  it('says that a slot is gone or lost, after a minute in which it may be made anew', () => {
    const gone = { exists: false }
    expect(alarms([gone, gone, {}, gone])).toEqual([
      null,
      expect.stringContaining('does not exist'),
      null,
      null,
    ])
    const lost = { walStatus: 'lost' }
    expect(alarms([lost, lost])[1]).toContain('is lost')
  })
})

import { expect, test } from 'vitest'
import type { Measurement } from '@faultline/ingest/measurements'
import type { Clock } from '@faultline/runtime/clock'
import { createFleet } from '../fleet/index.ts'
import type { Destination } from './destination.ts'
import { generate } from './generate.ts'
import { createLoad } from './load.ts'

const startMs = Date.UTC(2026, 0, 31, 12)

/** Time passes where somebody waits for it, and where the destination takes its time. */
function scene({ writeMs = 0 }: { readonly writeMs?: number } = {}) {
  const time = { nowMs: startMs }
  const clock: Clock = {
    now: () => time.nowMs,
    sleep: (ms) => {
      time.nowMs += ms
      return Promise.resolve()
    },
  }
  const written: Measurement[] = []
  const calls: string[] = []
  let isWriting = false
  const destination: Destination = {
    defects: [],
    write: async (rows) => {
      expect(isWriting).toBe(false)
      isWriting = true
      await Promise.resolve()
      time.nowMs += writeMs
      written.push(...rows)
      calls.push(`write ${rows.length}`)
      isWriting = false
    },
    flush: () => Promise.resolve(),
    close: () => {
      calls.push('close')
      return Promise.resolve()
    },
  }
  const fleet = createFleet({ seed: 1, units: 50 })
  const shares = { lateShare: 0, badShare: 0, defects: [] }
  const load = createLoad({ fleet, seed: 1, startMs, rowsPerSecond: 100, ...shares })
  return { clock, destination, load, written, calls, time }
}

test('rows come at their rate, none before it is due', async () => {
  const { clock, destination, load, written, time } = scene()
  const early: number[] = []
  const watched: Destination = {
    ...destination,
    write: (rows) => {
      early.push(...rows.map((row) => row.measuredAtMs).filter((ms) => ms > time.nowMs))
      return destination.write(rows)
    },
  }
  const result = await generate({
    load,
    destination: watched,
    rate: 100,
    durationMs: 10_000,
    clock,
  })
  expect(result).toMatchObject({ rows: 1_000, rowsPerSecond: 100, interrupted: false })
  expect(written).toEqual(Array.from({ length: 1_000 }, (_, n) => load(n).row))
  expect(early).toEqual([])
})

test('a slow destination holds the load back, and gets what fell due in pieces of a thousand', async () => {
  const { clock, destination, load, written, calls } = scene({ writeMs: 20_000 })
  const result = await generate({ load, destination, rate: 100, rows: 3_000, clock })
  expect(result.rows).toBe(3_000)
  expect(written).toEqual(Array.from({ length: 3_000 }, (_, n) => load(n).row))
  expect(calls.slice(1, 3)).toEqual(['write 1000', 'write 1000'])
  expect(calls.at(-1)).toBe('close')
})

test('at the highest rate a load ends with its rows, or with its time', async () => {
  const first = scene()
  const { load, clock } = first
  const byRows = { load, destination: first.destination, rate: 'max', rows: 2_500, clock } as const
  expect(await generate(byRows)).toMatchObject({ rows: 2_500, interrupted: false })
  expect(first.calls).toEqual(['write 1000', 'write 1000', 'write 500', 'close'])
  const second = scene({ writeMs: 250 })
  const byTime = { ...second, rate: 'max', durationMs: 1_000 } as const
  expect(await generate(byTime)).toMatchObject({ rows: 4_000, interrupted: false })
})

test('a signal ends the load after the rows on their way', async () => {
  const { clock, destination, load, calls } = scene()
  const stopping = new AbortController()
  const result = await generate({
    load,
    destination,
    rate: 'max',
    clock,
    signal: stopping.signal,
    onProgress: ({ rows }) => {
      if (rows === 2_000) stopping.abort()
    },
  })
  expect(result).toMatchObject({ rows: 2_000, interrupted: true })
  expect(calls.at(-1)).toBe('close')
})

test('a destination that fails is closed, and its error is what the load ends with', async () => {
  const { clock, destination, load, calls } = scene()
  const failing = { ...destination, write: () => Promise.reject(new Error('no space')) }
  await expect(generate({ load, destination: failing, rate: 'max', clock })).rejects.toThrow(
    'no space',
  )
  expect(calls).toEqual(['close'])
})

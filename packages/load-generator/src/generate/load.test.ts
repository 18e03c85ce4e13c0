import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFleet } from '../fleet/index.ts'
import { measurementJson } from './destinations/ndjson.ts'
import { createLoad, type LoadOptions } from './load.ts'

const startMs = Date.UTC(2026, 0, 31, 12)
const defects = ['clock', 'device-id', 'channels'] as const

const settings = fc.record({
  seed: fc.integer(),
  units: fc.integer({ min: 1, max: 1_000 }),
  channels: fc.integer({ min: 7, max: 120 }),
  rowsPerSecond: fc.double({ min: 0.1, max: 100_000, noNaN: true }),
  lateShare: fc.double({ min: 0, max: 1, noNaN: true }),
  badShare: fc.double({ min: 0, max: 1, noNaN: true }),
})

function loadOf({
  units,
  channels,
  seed,
  ...rest
}: typeof settings extends fc.Arbitrary<infer S> ? S : never) {
  const fleet = createFleet({ seed, units, channels })
  return createLoad({ fleet, seed, startMs, defects, ...rest })
}

test('the same options give the same rows, whoever asks for which and when', () => {
  fc.assert(
    fc.property(settings, fc.array(fc.nat(1_000_000), { maxLength: 30 }), (options, numbers) => {
      const load = loadOf(options)
      const forwards = numbers.map(load)
      const again = loadOf(options)
      const backwards = numbers.toReversed().map(again).toReversed()
      expect(backwards).toEqual(forwards)
    }),
  )
})

test('another seed gives other rows', () => {
  fc.assert(
    fc.property(settings, fc.nat(1_000_000), (options, n) => {
      const other = { ...options, seed: options.seed ^ 1 }
      expect(loadOf(other)(n).row.readings).not.toEqual(loadOf(options)(n).row.readings)
    }),
  )
})

test('a row as JSON is the same row', () => {
  fc.assert(
    fc.property(settings, fc.nat(1_000_000), (options, n) => {
      const { row } = loadOf(options)(n)
      const read = JSON.parse(measurementJson(row)) as Record<string, unknown>
      expect({
        deviceId: read['device_id'],
        measuredAtMs: read['measured_at'],
        readings: Float32Array.from(read['readings'] as number[]),
        carNumber: read['car_number'],
      }).toEqual(row)
    }),
  )
})

const many = (options: Partial<LoadOptions>) => {
  const load = createLoad({
    fleet: createFleet({ seed: 1 }),
    seed: 1,
    startMs,
    rowsPerSecond: 1_000,
    lateShare: 0,
    badShare: 0,
    defects,
    ...options,
  })
  return Array.from({ length: 10_000 }, (_, n) => load(n))
}

test('rows without a share of bad ones are in time, whole, and take turns', () => {
  const rows = many({})
  expect(rows.every(({ isLate, defect }) => !isLate && defect === undefined)).toBe(true)
  expect(rows.map(({ row }) => row.measuredAtMs - startMs)).toEqual(rows.map((_, n) => n))
  expect(new Set(rows.slice(0, 500).map(({ row }) => row.deviceId)).size).toBe(500)
})

test('the shares of late and bad rows are about what was asked for, and each defect can be seen', () => {
  const rows = many({ lateShare: 0.2, badShare: 0.3 })
  const late = rows.filter(({ isLate }) => isLate)
  expect(Math.abs(late.length / rows.length - 0.2)).toBeLessThan(0.02)
  for (const { row, defect } of late) {
    if (defect === undefined) expect(row.measuredAtMs).toBeLessThan(startMs + 10_000 - 60_000)
  }
  const bad = rows.filter(({ defect }) => defect !== undefined)
  expect(Math.abs(bad.length / rows.length - 0.3)).toBeLessThan(0.02)
  for (const { row, defect } of rows) {
    expect(row.measuredAtMs > Date.UTC(2100, 0)).toBe(defect === 'clock')
    expect(row.deviceId === '').toBe(defect === 'device-id')
    expect(row.readings.length === 101).toBe(defect === 'channels')
  }
})

import { expect, test } from 'vitest'
import { encodeFrame, frameBytes } from '@faultline/core/frame'
import { loadFolder, readRejections } from './load-folder.ts'

const startMs = Date.UTC(2026, 10, 21)

function frame(index: number): Uint8Array {
  const readings = new Float32Array(100).fill(index)
  readings[1] = Number.NaN
  const unit = { deviceId: `AC-${index % 3}`, carNumber: index, readings }
  return encodeFrame({ ...unit, measuredAtMs: startMs + index * 1000 })
}

test('frames are stored as they are, across the edges of read buffers', async () => {
  const frames = Array.from({ length: 1000 }, (_, index) => frame(index))
  await using files = await loadFolder({ 'a.bin': Buffer.concat(frames), 'b.frames': frame(7) })
  expect(await files.load()).toMatchObject({
    files: 2,
    rows: 1001,
    rejected: 0,
    rejectedFile: null,
  })
  const [row] = await files.database.connection.query(
    `select device_id, measured_at, readings[1:3] as readings, cardinality(readings) as channels
     from raw_measurements where car_number = 999`,
  )
  expect(row).toEqual({
    device_id: 'AC-0',
    measured_at: new Date(startMs + 999_000),
    readings: [999, null, 999],
    channels: 100,
  })
})

test('a bad frame and a cut tail are kept byte for byte, and the rest is loaded', async () => {
  const nameless = frame(1).fill(0, 0, 16)
  const in2106 = frame(2)
  new DataView(in2106.buffer).setBigUint64(16, 4_294_967_295_000n, true)
  const tail = frame(3).subarray(0, 100)
  const parts = [frame(0), nameless, in2106, frame(4), tail]
  await using files = await loadFolder({ 'unit.bin': Buffer.concat(parts) })
  const result = await files.load('unit.bin')
  expect(result).toMatchObject({ files: 1, rows: 2, rejected: 3 })
  expect(result.rejectedFile).toMatch(/rejected\/unit\.bin-[-\dTZ]+\.jsonl$/)
  const raw = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  expect(await readRejections(result.rejectedFile)).toMatchObject([
    { file: 'unit.bin', at: frameBytes, reason: 'DEVICE_ID_EMPTY', raw: raw(nameless) },
    { file: 'unit.bin', at: 2 * frameBytes, reason: 'CLOCK_INVALID', raw: raw(in2106) },
    { file: 'unit.bin', at: 4 * frameBytes, reason: 'LENGTH_INVALID', raw: raw(tail) },
  ])
  expect(await files.count()).toBe(2)
})

test('nothing but bad frames is a result, not an error', async () => {
  await using files = await loadFolder({ 'noise.bin': Buffer.alloc(5 * frameBytes + 1, 0xff) })
  expect(await files.load()).toMatchObject({ rows: 0, rejected: 6 })
})

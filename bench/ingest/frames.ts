import { encodeFrame, frameBytes, frameChannels } from '@faultline/core/frame'

export { frameBytes, frameChannels }

/** Records of 500 devices in turn, a second apart from 2026-11-01 on, with readings that no two frames share. */
export function makeFrames(count: number): Buffer {
  const bytes = Buffer.allocUnsafe(count * frameBytes)
  const readings = new Float32Array(frameChannels)
  for (let i = 0; i < count; i += 1) {
    for (let channel = 0; channel < frameChannels; channel += 1)
      readings[channel] = Math.random() * 100
    const deviceId = `BENCH-${String(i % 500).padStart(4, '0')}`
    const measuredAtMs = Date.UTC(2026, 10, 1) + Math.floor(i / 500) * 1_000
    bytes.set(encodeFrame({ deviceId, measuredAtMs, carNumber: i, readings }), i * frameBytes)
  }
  return bytes
}

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { frameBytes, frameChannels } from '@faultline/core/frame'
import { shareOut } from './shares.ts'

it('shares out what may be held, and nothing beyond it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1_000, max: 20_000_000 }), (pointsMax) => {
      const { batchRecords, pieceBytes } = shareOut(pointsMax)
      const pieceRecords = pieceBytes / frameBytes
      expect(Number.isInteger(pieceRecords)).toBe(true)
      expect(Math.min(batchRecords, pieceRecords)).toBeGreaterThanOrEqual(1)
      const held = 2 * (batchRecords + pieceRecords) * frameChannels
      expect(held).toBeLessThanOrEqual(pointsMax)
      expect(held).toBeGreaterThan(pointsMax - 2 * frameChannels)
    }),
  )
})

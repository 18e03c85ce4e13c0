const float32Max = 3.4028234663852886e38

/** The reading at a place, or NaN when it is missing: null, NaN, an infinity, past the end, or at -1 (no such channel). */
export function readingAt(readings: ArrayLike<number | null>, at: number): number {
  const reading = readings[at]
  return typeof reading === 'number' && Math.abs(reading) <= float32Max ? reading : NaN
}

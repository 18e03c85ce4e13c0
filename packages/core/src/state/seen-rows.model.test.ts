import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rowsPerChunk, SeenRows, type DeliveredRow } from './index.ts'

const chunksMax = 3

/** What is kept between two restarts, as a changelog would. */
class Stored {
  readonly chunks = new Map<number, Uint8Array>()
  edge: Uint8Array | null = null

  take(rows: SeenRows): void {
    for (const { chunk, bytes } of rows.takeChunks()) {
      if (bytes === null) this.chunks.delete(chunk)
      else this.chunks.set(chunk, bytes)
    }
    this.edge = rows.takeEdge() ?? this.edge
  }

  open(): SeenRows {
    const rows = new SeenRows(chunksMax)
    for (const [chunk, bytes] of this.chunks) expect(rows.restoreChunk({ chunk, bytes })).toBe(true)
    if (this.edge !== null) expect(rows.restoreEdge(this.edge)).toBe(true)
    return rows
  }
}

const streamed = (id: number, commit: number): DeliveredRow => ({
  id,
  position: { commit, lsn: commit + 1 },
  isStreamed: true,
})

// Ids around the edges of five chunks, so that chunks fill, are forgotten, and rows come back below the floor.
const id = fc
  .tuple(fc.nat({ max: 4 }), fc.constantFrom(0, 1, 7, 8, rowsPerChunk - 1))
  .map(([chunk, at]) => chunk * rowsPerChunk + at)

type Step =
  | { readonly kind: 'commit'; readonly ids: readonly number[] }
  | { readonly kind: 'deliver again'; readonly back: number }
  | { readonly kind: 'snapshot'; readonly id: number }
  | { readonly kind: 'refused later'; readonly id: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('commit' as const),
    ids: fc.uniqueArray(id, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant('deliver again' as const), back: fc.nat({ max: 20 }) }),
  fc.record({ kind: fc.constant('snapshot' as const), id }),
  fc.record({ kind: fc.constant('refused later' as const), id }),
)

describe('SeenRows', () => {
  // Hypothesis: a row is counted twice, or a first delivery is called seen, when chunks are forgotten, when ids come out of
  // order, or when a restart falls between two batches.
  it('agrees with a plain set of everything taken in, restarted after every step', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const taken = new Set<number>()
        const used = new Set<number>()
        const log: DeliveredRow[] = []
        const stored = new Stored()
        for (const [n, one] of steps.entries()) {
          const rows = stored.open()
          const deliver = (row: DeliveredRow): void => {
            const standing = rows.standing(row)
            if (standing === 'seen') expect(taken).toContain(row.id)
            if (standing === 'new') {
              expect(taken).not.toContain(row.id)
              taken.add(row.id)
              rows.add(row)
            }
          }
          if (one.kind === 'commit') {
            // A row is committed once, and a snapshot that reads it does not come before its place in the log.
            const fresh = one.ids.filter((candidate) => !used.has(candidate)).sort((a, b) => a - b)
            for (const row of fresh.map((candidate) => streamed(candidate, n))) {
              if (!taken.has(row.id)) expect(rows.standing(row)).toBe('new')
              used.add(row.id)
              log.push(row)
              deliver(row)
            }
          } else if (one.kind === 'deliver again') {
            for (const row of log.slice(-one.back - 1)) deliver(row)
          } else if (one.kind === 'snapshot') {
            used.add(one.id)
            deliver({ id: one.id, position: { commit: n, lsn: n }, isStreamed: false })
          } else if (taken.has(one.id) && rows.standing(streamed(one.id, -1)) === 'seen') {
            rows.remove(one.id)
            taken.delete(one.id)
          }
          stored.take(rows)
          expect(stored.chunks.size).toBeLessThanOrEqual(chunksMax)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('knows every row of 100,000 in any order, while nothing is forgotten', () => {
    const rows = new SeenRows(16)
    const ids = Array.from({ length: 100_000 }, (_, i) => (i * 7_919) % 100_003)
    for (const one of ids) {
      expect(rows.standing(streamed(one, 0))).toBe('new')
      rows.add(streamed(one, 0))
    }
    expect(ids.every((one) => rows.standing(streamed(one, 0)) === 'seen')).toBe(true)
    expect(rows.takeChunks().map(({ bytes }) => bytes?.length)).toEqual(Array(13).fill(1_024))
  })

  it('says that it does not know a row below the floor, unless its commit is newer than all', () => {
    const rows = new SeenRows(1)
    rows.add(streamed(1, 10))
    rows.add(streamed(rowsPerChunk, 20))
    expect(rows.standing(streamed(1, 10))).toBe('unknown')
    expect(rows.standing({ ...streamed(2, 30), isStreamed: false })).toBe('unknown')
    const late = streamed(2, 30)
    expect(rows.standing(late)).toBe('new')
    rows.add(late)
    expect(rows.standing(late)).toBe('unknown')
    expect(rows.standing({ ...late, id: 3 })).toBe('new')
  })

  it('refuses bytes that it did not write', () => {
    const rows = new SeenRows(1)
    expect(rows.restoreChunk({ chunk: 0, bytes: new Uint8Array(5) })).toBe(false)
    expect(rows.restoreEdge(new Uint8Array(31))).toBe(false)
    expect(rows.restoreEdge(new Uint8Array(32).fill(255))).toBe(false)
  })
})

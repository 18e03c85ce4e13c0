import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { comparePositions, VersionedTable, type LogPosition, type Version } from './index.ts'

const at = (commit: number, lsn = commit): LogPosition => ({ commit, lsn })

describe('VersionedTable', () => {
  it('gives the row committed before, not the newest one', () => {
    const table = new VersionedTable<string>()
    table.apply('d', { position: at(10), row: 'first' })
    table.apply('d', { position: at(20), row: 'second' })
    expect(table.asOf('d', at(15))?.row).toBe('first')
    expect(table.asOf('d', at(20))?.row).toBe('second')
  })

  it('gives something that waited the first registration after it', () => {
    const table = new VersionedTable<string>()
    expect(table.asOf('d', at(5))).toBeUndefined()
    table.apply('d', { position: at(10), row: 'registered' })
    table.apply('d', { position: at(20), row: 'renamed' })
    expect(table.asOf('d', at(5))?.row).toBe('registered')
  })

  it('gives nothing after a deletion until the key is registered anew', () => {
    const table = new VersionedTable<string>()
    table.apply('d', { position: at(10), row: 'old' })
    table.apply('d', { position: at(20), row: null })
    expect(table.asOf('d', at(30))).toBeUndefined()
    expect(table.asOf('d', at(15))?.row).toBe('old')
    expect([...table.deletedKeys()]).toEqual(['d'])
    table.apply('d', { position: at(40), row: 'new' })
    expect(table.asOf('d', at(30))?.row).toBe('new')
    expect([...table.deletedKeys()]).toEqual([])
  })

  it('orders by commit, because a transaction that wrote first may commit last', () => {
    const table = new VersionedTable<string>()
    table.apply('d', { position: { commit: 0, lsn: 10 }, row: 'old' })
    // Written at 100, before the measurement at 150, but committed after it (the measurement's commit is at 160).
    table.apply('d', { position: { commit: 160, lsn: 100 }, row: 'late' })
    expect(table.asOf('d', { commit: 50, lsn: 150 })?.row).toBe('old')
  })

  it('does not depend on the order or repetition in which versions arrive', () => {
    const version = fc.record({
      position: fc.record({ commit: fc.nat(20), lsn: fc.nat(20) }),
      row: fc.option(fc.constantFrom('a', 'b', 'c')),
    })
    fc.assert(
      fc.property(
        fc.uniqueArray(version, {
          selector: ({ position }) => `${position.commit}/${position.lsn}`,
        }),
        fc.record({ commit: fc.nat(20), lsn: fc.nat(20) }),
        fc.array(fc.nat(100), { minLength: 40, maxLength: 40 }),
        (versions, position, picks) => {
          const shuffled = versions
            .flatMap((entry) => [entry, entry])
            .map((entry, index) => ({ entry, pick: picks[index % picks.length] ?? 0 }))
            .sort((a, b) => a.pick - b.pick)
          const table = new VersionedTable<string>()
          for (const { entry } of shuffled) table.apply('d', entry)
          expect(table.asOf('d', position)?.row).toBe(naiveAsOf(versions, position))
        },
      ),
    )
  })

  it('loses every key when the table is truncated', () => {
    const table = new VersionedTable<string>()
    for (const key of ['a', 'b']) table.apply(key, { position: at(10), row: key })
    table.truncate(at(20))
    expect(table.asOf('a', at(15))?.row).toBe('a')
    expect(table.asOf('a', at(25))).toBeUndefined()
    expect([...table.deletedKeys()]).toEqual(['a', 'b'])
  })

  it('forgets the oldest of very many versions of one key', () => {
    const table = new VersionedTable<number>()
    for (let n = 1; n <= 2_000; n++) table.apply('d', { position: at(n), row: n })
    expect(table.asOf('d', at(1))?.row).toBe(1_001)
    expect(table.asOf('d', at(2_000))?.row).toBe(2_000)
  })
})

function naiveAsOf(
  versions: readonly Version<string>[],
  position: LogPosition,
): string | undefined {
  const sorted = [...versions].sort((a, b) => comparePositions(a.position, b.position))
  const before = sorted
    .filter((version) => comparePositions(version.position, position) <= 0)
    .at(-1)
  if (before !== undefined && before.row !== null) return before.row
  const after = sorted.filter((version) => comparePositions(version.position, position) > 0)
  return after.find(({ row }) => row !== null)?.row ?? undefined
}

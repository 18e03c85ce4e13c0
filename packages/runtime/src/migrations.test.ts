import { describe, expect, test } from 'vitest'
import { planMigrations } from './migrations.ts'

const first = { name: '001_a.sql', sql: 'a', checksum: 'aa' }
const second = { name: '002_b.sql', sql: 'b', checksum: 'bb' }

describe('the migrations to apply', () => {
  test.each([
    ['all to an empty database', new Map<string, string>(), [first, second]],
    ['the missing ones', new Map([['001_a.sql', 'aa']]), [second]],
    [
      'none when all are there',
      new Map([
        ['001_a.sql', 'aa'],
        ['002_b.sql', 'bb'],
      ]),
      [],
    ],
  ])('are %s', (_, applied, expected) => {
    expect(planMigrations([first, second], applied)).toEqual(expected)
  })

  test('are refused where an applied file was changed', () => {
    expect(() => planMigrations([first], new Map([['001_a.sql', 'xx']]))).toThrow(
      /^MIGRATION_CONFLICT: the applied migration 001_a.sql differs/,
    )
  })

  test('are refused where the database is ahead', () => {
    expect(() => planMigrations([first], new Map([['003_c.sql', 'cc']]))).toThrow(
      /^MIGRATION_CONFLICT: the database has the migration 003_c.sql/,
    )
  })
})

import { describe, expect, it } from 'vitest'
import { parseInsertWithData } from './insert-statement.ts'

describe('parseInsertWithData', () => {
  it.each([
    ['INSERT INTO app.t FORMAT JSONEachRow', 'INSERT INTO app.t ', 'JSONEachRow'],
    ['insert into t (a, b) format RowBinary\n', 'insert into t (a, b) ', 'RowBinary'],
    [
      'INSERT INTO t (`x.a`) SETTINGS max_threads = 1 FORMAT CSV;\r\n1',
      'INSERT INTO t (`x.a`) SETTINGS max_threads = 1 ',
      'CSV',
    ],
  ])('splits %j', (statement, head, format) => {
    expect(parseInsertWithData(statement)).toMatchObject({ head, format })
  })

  it('tells where the data begins', () => {
    const statement = 'INSERT INTO t FORMAT TSV\n1\t2\n'
    const { length } = parseInsertWithData(statement) ?? { length: 0 }
    expect(statement.slice(length)).toBe('1\t2\n')
  })

  it.each([
    "INSERT INTO t VALUES ('FORMAT CSV')",
    'INSERT INTO t SELECT 1 FORMAT CSV',
    'SELECT 1 FORMAT JSON',
    'INSERT INTO t WITH 1 AS x SELECT x FORMAT CSV',
  ])('leaves %j to the engine', (statement) => {
    expect(parseInsertWithData(statement)).toBeNull()
  })
})

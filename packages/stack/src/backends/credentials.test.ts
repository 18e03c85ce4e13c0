import { expect, test } from 'vitest'
import { parseCredentials } from './credentials.ts'

test('reads what was written', () => {
  expect(parseCredentials('{"database":"a","replication":"b"}', 'file')).toEqual({
    database: 'a',
    replication: 'b',
  })
})

test.each(['', '{', '{"database":"a"}', '{"database":"","replication":"b"}'])(
  'a damaged file is named: %j',
  (text) => {
    expect(() => parseCredentials(text, '/home/x/credentials.json')).toThrow(
      /CONFIG_INVALID.*credentials\.json/,
    )
  },
)

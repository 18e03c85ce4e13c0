import { describe, expect, it } from 'vitest'
import { missingParameters, quote, readRequestParameters } from './request-parameters.ts'

const read = (search: string) => readRequestParameters(new URLSearchParams(search))

describe('readRequestParameters', () => {
  it('sorts parameters, settings and what concerns HTTP only', () => {
    const request = read(
      'query=SELECT+1&param_a=x%27y&max_threads=1&wait_end_of_query=1&async_insert=1&database=app&default_format=JSON',
    )
    expect(request).toMatchObject({ query: 'SELECT 1', database: 'app', format: 'JSON' })
    expect([...request.parameters]).toEqual([['a', "x'y"]])
    expect([...request.settings]).toEqual([['max_threads', '1']])
  })

  it.each(['a;b=1', 'param_a%20b=1', '%27=1'])('refuses the name in %j', (search) => {
    expect(() => read(search)).toThrow(RangeError)
  })
})

describe('missingParameters', () => {
  const given = new Map([['a', '1']])

  it('names placeholders without a value', () => {
    expect(missingParameters('SELECT {a:UInt8}, { b : String }', given)).toEqual(['b'])
  })

  it.each(["SELECT '{b:String}'", "SELECT {'b':1}", "SELECT 'it''s {b:X}', 'a\\'{b:X}'"])(
    'sees none in %j',
    (statement) => {
      expect(missingParameters(statement, given)).toEqual([])
    },
  )
})

describe('quote', () => {
  it('leaves no way out of the literal', () => {
    expect(quote("a'b\\")).toBe("'a\\'b\\\\'")
  })
})

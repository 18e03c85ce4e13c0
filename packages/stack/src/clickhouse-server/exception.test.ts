import { describe, expect, it } from 'vitest'
import { exception, fromEngine, fromFailure } from './exception.ts'

describe('errors of the engine', () => {
  it('become what a server answers', () => {
    expect(
      fromEngine("Query failed: Code: 60. DB::Exception: Unknown table 'x'. (UNKNOWN_TABLE)\n"),
    ).toEqual({
      code: 60,
      text: "Code: 60. DB::Exception: Unknown table 'x'. (UNKNOWN_TABLE)",
      httpStatus: 404,
    })
  })

  it('without a code are unknown exceptions', () => {
    expect(fromEngine('out of luck')).toMatchObject({ code: 1002, httpStatus: 500 })
  })

  it('are a lack of space where the request itself found none', () => {
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    expect(fromFailure(full)).toMatchObject({ code: 243, httpStatus: 500 })
    expect(fromFailure(new Error('Code: 60. DB::Exception: no'))).toMatchObject({ code: 60 })
  })

  it('keep the status of their code when they are our own', () => {
    expect(exception(307, 'too long', 'TOO_MANY_BYTES').httpStatus).toBe(413)
  })
})

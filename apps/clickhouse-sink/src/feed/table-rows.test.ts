import { describe, expect, it } from 'vitest'
import { toEventRow, toModelRow, truncatedAt } from './table-rows.ts'

const source = { lsn: 70 }
const model = { model: 'ahu', type: 'air', channels: ['a', 'b'], units: ['K'], rules: '[]' }
const event = {
  id: 5,
  device_id: 'AC-1',
  occurred_at: '2026-01-02T03:04:05.678Z',
  kind: 'failure',
  code: null,
  detail: '{"note":1}',
}

describe('rows of small tables', () => {
  it('keeps a model with its channels', () => {
    expect(toModelRow({ op: 'r', before: null, after: model, source })).toEqual({
      model: 'ahu',
      type: 'air',
      channels: ['a', 'b'],
      units: ['K'],
      lsn: 70,
    })
  })

  it('keeps what was known of a deleted model', () => {
    expect(toModelRow({ op: 'd', before: model, after: null, source })).toBeNull()
  })

  it('keeps an event with its time', () => {
    expect(toEventRow({ op: 'c', before: null, after: event, source })).toMatchObject({
      id: 5,
      device_id: 'AC-1',
      occurred_at: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      code: null,
      detail: '{"note":1}',
      is_deleted: 0,
    })
  })

  it('marks a deleted event by its id alone', () => {
    const row = toEventRow({ op: 'd', before: { id: 5 }, after: null, source })
    expect(row).toMatchObject({ id: 5, is_deleted: 1, lsn: 70 })
  })

  it('keeps a row of an incremental snapshot, which has no lsn, at the place of the stream', () => {
    const place = { lsn: null, sequence: '["81","81"]' }
    expect(toModelRow({ op: 'r', before: null, after: model, source: place })).toMatchObject({
      model: 'ahu',
      lsn: 81,
    })
  })

  it('tells where a table was truncated', () => {
    expect(truncatedAt({ op: 't', before: null, after: null, source })).toBe(70)
    expect(truncatedAt({ op: 'd', before: event, after: null, source })).toBeNull()
  })

  it.each([null, 7, {}, { op: 't', before: null, after: null, source }, { op: 'c', after: model }])(
    'takes nothing from %j',
    (decoded) => {
      expect(toModelRow(decoded)).toBeNull()
      expect(toEventRow(decoded)).toBeNull()
    },
  )
})

import { beforeEach, describe, expect, it } from 'vitest'
import { toChange } from '../change/change.ts'
import { Catalog, type CatalogProblem } from './catalog.ts'

const problems: Parameters<CatalogProblem>[0][] = []
let catalog: Catalog
beforeEach(() => {
  problems.length = 0
  catalog = new Catalog((problem) => problems.push(problem))
  model({ op: 'r', lsn: 5, after: metro })
})

const metro = { model: 'm', type: 'hvac', channels: ['t'], units: ['K'], rules: '[]' }
const unit = { device_id: 'd', type: 'hvac', model: 'm', name: 'one', line: 'L1', location: null }

interface Event {
  readonly op: string
  readonly lsn: number | null
  readonly commit?: number
  readonly before?: object
  readonly after?: object
}

function changeOf({ op, lsn, commit, before = {}, after }: Event) {
  const source = { lsn, ts_ms: 1, txId: null, sequence: `["${commit ?? lsn}","${commit ?? lsn}"]` }
  const change = toChange({ op, before, after: after ?? null, source })
  if (change === null) throw new Error('not a change')
  return change
}

const device = (event: Event): void => {
  catalog.applyDevice(changeOf(event))
}
const model = (event: Event): void => {
  catalog.applyModel(changeOf(event))
}
const lineAt = (id: string, lsn: number) => catalog.asOf(id, { commit: lsn, lsn })?.device.line

describe('a row read by a snapshot', () => {
  it('of an incremental one stands where the stream was, for it has no lsn', () => {
    device({ op: 'c', lsn: 10, after: unit })
    device({ op: 'r', lsn: null, commit: 30, after: { ...unit, line: 'L2' } })
    expect([lineAt('d', 29), lineAt('d', 31)]).toEqual(['L1', 'L2'])
  })

  it('that is older than a live row does not hide it', () => {
    device({ op: 'u', lsn: 40, after: { ...unit, line: 'live' } })
    device({ op: 'r', lsn: 20, after: { ...unit, line: 'snapshot' } })
    expect(lineAt('d', 50)).toBe('live')
  })

  it('makes no version where it tells nothing new', () => {
    device({ op: 'c', lsn: 10, after: unit })
    device({ op: 'r', lsn: null, commit: 30, after: unit })
    model({ op: 'r', lsn: null, commit: 30, after: metro })
    expect(catalog.asOf('d', { commit: 50, lsn: 50 })?.catalogLsn).toBe(10)
  })

  it('brings back a device that was deleted', () => {
    device({ op: 'c', lsn: 10, after: unit })
    device({ op: 'd', lsn: 20, before: unit })
    device({ op: 'r', lsn: null, commit: 30, after: unit })
    expect([catalog.isDeleted('d'), lineAt('d', 31)]).toEqual([false, 'L1'])
  })
})

describe('a value that was too large to be sent again', () => {
  const gone = '__debezium_unavailable_value'

  it.each([
    ['text', { ...unit, name: gone, line: 'L2' }, 'name'],
    ['more than one', { ...unit, name: gone, location: gone }, 'name, location'],
  ])('in a device, %s: the former row stays, and the log says why', (_case, after, columns) => {
    device({ op: 'c', lsn: 10, after: unit })
    device({ op: 'u', lsn: 20, after })
    expect(catalog.asOf('d', { commit: 30, lsn: 30 })?.device).toEqual(unit)
    expect(problems[0]?.message).toContain(`without ${columns}: alter table device_catalog replica`)
  })

  it.each([
    ['jsonb', { ...metro, rules: gone }],
    ['text[]', { ...metro, channels: [gone] }],
  ])('in a model, %s: likewise', (_case, after) => {
    device({ op: 'c', lsn: 10, after: unit })
    model({ op: 'u', lsn: 20, after })
    expect(catalog.asOf('d', { commit: 30, lsn: 30 })?.model.channels).toEqual(['t'])
    expect(problems).toHaveLength(1)
  })

  it('in the attributes, which nothing here reads: the rest of the row counts', () => {
    device({ op: 'u', lsn: 20, after: { ...unit, attributes: gone, line: 'L2' } })
    expect(lineAt('d', 30)).toBe('L2')
  })
})

describe('a change of a key, and the end of a table', () => {
  it('moves a device to its new id', () => {
    device({ op: 'c', lsn: 10, after: unit })
    device({ op: 'd', lsn: 20, before: unit })
    device({ op: 'c', lsn: 20, after: { ...unit, device_id: 'e' } })
    expect([catalog.isDeleted('d'), catalog.isDeleted('e')]).toEqual([true, false])
    expect(catalog.asOf('e', { commit: 30, lsn: 30 })?.catalogLsn).toBe(20)
  })

  it('lets every device go with a truncate, and a registration after it counts', () => {
    device({ op: 'c', lsn: 10, after: unit })
    device({ op: 't', lsn: 20 })
    expect([...catalog.deletedDevices()]).toEqual(['d'])
    device({ op: 'c', lsn: 30, after: unit })
    expect(catalog.isDeleted('d')).toBe(false)
  })

  it('lets measurements wait for models that were truncated', () => {
    device({ op: 'c', lsn: 10, after: unit })
    model({ op: 't', lsn: 20 })
    expect(catalog.asOf('d', { commit: 30, lsn: 30 })).toBeUndefined()
  })
})

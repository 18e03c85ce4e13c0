import avro from 'avsc'
import { compileModel, type Rule } from '@faultline/core/model'
import { toChange } from '../../apps/enricher/src/change/change.ts'
import { debeziumEnvelope, measurementColumns } from '../support/debezium-envelope.ts'
import { Catalog } from '../../apps/enricher/src/catalog/catalog.ts'

const devices = 50
const channels = Array.from({ length: 100 }, (_, n) => (n === 5 ? 'fault_code' : `c${n}`))
const rules: Rule[] = [
  { code: 'HIGH', channel: 'c0', above: 35 },
  { code: 'LOW', channel: 'c0', below: 10 },
  { code: 'DIFFERENCE', channel: 'c0', minus: 'c1', outside: [3, 15] },
]
const startMs = Date.UTC(2026, 0, 1)

export const envelope = debeziumEnvelope(measurementColumns)

const deviceId = (n: number) => `AC-${String(n % devices).padStart(4, '0')}`

/** Captured measurements in the Confluent wire format, of 100 channels each. */
export function capturedRecords(count: number): Buffer[] {
  const type = avro.Type.forSchema(envelope)
  return Array.from({ length: count }, (_, id) => {
    const readings = channels.map((_channel, c) =>
      c === 5 ? 0 : 20 + c + ((id * 31 + c) % 17) / 8,
    )
    const lsn = 30_000_000 + id * 900
    const body = type.toBuffer({
      before: null,
      after: {
        ...{ id, device_id: deviceId(id), measured_at: '2026-01-01T00:00:00.123456Z', readings },
        car_number: null,
      },
      source: {
        ...{ version: '3.7.0.Final', connector: 'postgresql', name: 'postgres', ts_ms: startMs },
        ...{ snapshot: 'false', db: 'faultline', sequence: `["${lsn - 100}","${lsn}"]`, ts_us: 1 },
        ...{ ts_ns: 1, schema: 'public', table: 'raw_measurements', txId: 7, lsn, xmin: null },
      },
      ...{ op: 'c', ts_ms: startMs, ts_us: 1, ts_ns: 1 },
    })
    return Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), body])
  })
}

/** A catalog that knows the devices of `capturedRecords`. */
export function filledCatalog(): Catalog {
  const catalog = new Catalog((problem) => {
    throw new Error(problem.message)
  })
  const row = (lsn: number, after: object) => {
    const source = { lsn, ts_ms: startMs, txId: 1, sequence: `["${lsn - 1}","${lsn}"]` }
    const change = toChange({ op: 'c', before: null, after, source })
    if (change === null) throw new Error('not a change')
    return change
  }
  const model = { model: 'm', type: 'hvac', channels, units: channels.map(() => '') }
  if (compileModel({ ...model, rules }).problems.length > 0) throw new Error('a rule never holds')
  catalog.applyModel(row(1, { ...model, rules: JSON.stringify(rules) }))
  for (let n = 0; n < devices; n += 1) {
    const named = { device_id: deviceId(n), name: `Unit ${n}`, line: 'L1', location: 'Depot' }
    catalog.applyDevice(row(2 + n, { ...named, type: 'hvac', model: 'm' }))
  }
  return catalog
}

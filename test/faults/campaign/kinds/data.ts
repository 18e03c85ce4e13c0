import { pause } from '../pause.ts'
import { limits, type FaultKind } from './kind.ts'

const harmless = {
  touches: ['postgres'],
  stalls: [],
  limitSeconds: limits.application,
} as const

let columns = 0

const columnAdded: FaultKind = {
  ...harmless,
  name: 'ddl-add-column',
  weight: 0.7,
  inject: async ({ sql }) => {
    columns += 1
    const column = `campaign_${columns}`
    await sql(`alter table raw_measurements add column ${column} text default 'x'`)
    await pause(2_000)
    await sql(`alter table raw_measurements drop column ${column}`)
  },
}

/** Rewrites every partition under an exclusive lock: the writers wait for it. */
const typeWidened: FaultKind = {
  ...harmless,
  stalls: ['api', 'clickhouse'],
  limitSeconds: limits.backEnd,
  name: 'ddl-widen-type',
  weight: 0.3,
  inject: async ({ sql, note }) => {
    const [row] = await sql(
      `select data_type from information_schema.columns
       where table_name = 'raw_measurements' and column_name = 'car_number'`,
    )
    const wider = row?.['data_type'] === 'integer' ? 'bigint' : 'integer'
    note(`to ${wider}`)
    await sql(`alter table raw_measurements alter column car_number type ${wider}`)
  },
}

const snapshotSignalled: FaultKind = {
  ...harmless,
  touches: ['postgres', 'connect'],
  name: 'incremental-snapshot',
  weight: 0.7,
  inject: async ({ sql }) => {
    await sql(
      `insert into debezium_signal(id, type, data) values (gen_random_uuid()::text, 'execute-snapshot',
       '{"data-collections": ["public.device_catalog", "public.device_models"], "type": "incremental"}')`,
    )
  },
}

/** Rows that were captured come again, as after a snapshot that a crash made begin anew. */
const rowsAgain: FaultKind = {
  ...harmless,
  touches: ['postgres', 'connect', 'kafka'],
  stalls: ['api', 'clickhouse'],
  limitSeconds: limits.backEnd,
  name: 'snapshot-of-known-rows',
  weight: 0.7,
  inject: async ({ sql }) => {
    await sql(
      `insert into debezium_signal(id, type, data)
       select gen_random_uuid()::text, 'execute-snapshot', json_build_object('type', 'blocking',
         'data-collections', json_build_array('public.raw_measurements'), 'additional-conditions', json_build_array(
           json_build_object('data-collection', 'public.raw_measurements', 'filter',
             'select * from public.raw_measurements where id > ' || max(id) - 3000)))::text
       from raw_measurements`,
    )
  },
}

const eventsTruncated: FaultKind = {
  ...harmless,
  name: 'truncate-device-events',
  weight: 0.5,
  inject: async ({ sql }) => {
    await sql(
      `insert into device_events(device_id, occurred_at, kind) select 'CMP-0001', now(), 'error' from generate_series(1, 50)`,
    )
    await sql('truncate device_events')
  },
}

const poison: FaultKind = {
  ...harmless,
  touches: ['load'],
  name: 'poison-burst',
  weight: 1,
  inject: async ({ load, signal }) => {
    const before = load.badShare
    load.badShare = 0.9
    try {
      await pause(4_000, signal)
    } finally {
      load.badShare = before
    }
  },
}

export const dataKinds: readonly FaultKind[] = [
  columnAdded,
  typeWidened,
  snapshotSignalled,
  rowsAgain,
  eventsTruncated,
  poison,
]

import { replication } from '@faultline/contracts/postgres-migrations'
import { topics } from '@faultline/contracts/topics'
import type { Clock } from '@faultline/runtime/clock'
import { FaultlineError } from '@faultline/runtime/errors'
import { isSlotUsable, readSlotStatus, type PostgresConnection } from '@faultline/runtime/postgres'
import { readCaptured, readTable, type CapturedRows, type TopicReader } from './captured.ts'
import type { Connector } from './connector.ts'
import { IdSet } from './id-set.ts'

export interface RecoverTools {
  /** Two connections: one holds the snapshot that is compared, the other writes. */
  readonly reading: PostgresConnection
  readonly postgres: PostgresConnection
  readonly connector: Connector
  readonly reader: TopicReader
  /** Told what is being done, for people. */
  readonly tell: (text: string) => void
  readonly signal: AbortSignal
  readonly clock: Clock
}

export interface Recovery {
  readonly slot: 'kept' | 'made'
  /** Measurements committed that had not reached the raw topic, and were captured now. */
  readonly measurements: number
  /** Rows of the small tables that were deleted without the topics being told. */
  readonly deletions: number
}

/** Small tables with their key and what else a row must have, in the order in which rows can be inserted. */
const smallTables = [
  { table: 'device_models', topic: topics.deviceModels, key: 'model', columns: ['type'] },
  {
    table: 'device_catalog',
    topic: topics.deviceCatalog,
    key: 'device_id',
    columns: ['type', 'model'],
  },
] as const
const batchRows = 10_000
const silentMaxMs = 60_000

/**
 * Brings capture back after its slot was lost, and captures what was committed meanwhile. Nothing is remembered between two
 * runs: each compares PostgreSQL with the topics anew, so that it can be interrupted and run again at any time.
 */
export async function recover(tools: RecoverTools): Promise<Recovery> {
  const { connector, tell, signal, reading, reader } = tools
  const slot = await ensureSlot(tools)
  await connector.resume()
  signal.throwIfAborted()
  // What this snapshot sees was committed before `seen`: once the connector is there, a row that is not in the topic never was
  // going to be.
  await reading.query('begin isolation level repeatable read read only')
  const seen = await currentLsn(reading)
  tell('waiting until everything committed so far is captured')
  await connector.untilCaptured(seen, signal)
  tell(`reading what ${topics.rawMeasurements} holds`)
  const captured = await readCaptured(reader, topics.rawMeasurements)
  signal.throwIfAborted()
  const missing = await findMissing(tools, captured)
  tell(`${missing.size} measurements are missing of ${captured.ids.size + missing.size}`)
  const deletions = await findDeletions(tools)
  await reading.query('commit')
  signal.throwIfAborted()
  await captureAgain(tools, deletions, missing.size > 0)
  if (missing.size > 0) tell('waiting until they are captured')
  await connector.untilCaptured(await currentLsn(tools.postgres), signal)
  await untilAllCaptured(tools, captured, missing)
  await tools.postgres.query(`truncate ${replication.missingTable}`)
  const deleted = deletions.reduce((sum, { rows }) => sum + rows.length, 0)
  return { slot, measurements: missing.size, deletions: deleted }
}

/** Makes the slot anew where it is of no use, and lets the connector go on at its beginning. */
async function ensureSlot(tools: RecoverTools): Promise<Recovery['slot']> {
  const { postgres, connector, tell } = tools
  const found = await readSlotStatus(postgres)
  const capturedLsn = await connector.capturedLsn()
  // A slot ahead of the connector was made anew by somebody: what lies between is as lost as without a slot.
  const isAhead = capturedLsn !== null && (found.confirmed_flush_lsn ?? 0) > capturedLsn
  if ((isSlotUsable(found) && !isAhead) || capturedLsn === null) return 'kept'
  tell(
    `the slot ${found.slot} ${found.exists ? 'is of no use any more' : 'is gone'}: making it anew`,
  )
  await connector.stop()
  if (found.exists && !isSlotUsable(found)) {
    await postgres.query('select pg_drop_replication_slot($1)', [found.slot])
  }
  if (!isSlotUsable(found)) {
    await postgres.query(`select pg_create_logical_replication_slot($1, 'pgoutput')`, [found.slot])
  }
  const { confirmed_flush_lsn: start } = await readSlotStatus(postgres)
  if (start === null) throw new Error('a slot that was just made is not there')
  await connector.goOnAt(start)
  return 'made'
}

async function currentLsn(postgres: PostgresConnection): Promise<number> {
  const [row] = await postgres.query<{ lsn: string }>(
    `select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::text as lsn`,
  )
  return Number(row?.lsn)
}

/** Writes down the ids of the measurements that the topic does not hold, in the table that the snapshot will join. */
async function findMissing(
  { reading, postgres, signal }: RecoverTools,
  { ids, floor }: CapturedRows,
): Promise<IdSet> {
  const missing = new IdSet()
  await postgres.query(`truncate ${replication.missingTable}`)
  await reading.query(
    `declare measurement_ids no scroll cursor for select id from raw_measurements where id >= ${floor}`,
  )
  for (;;) {
    signal.throwIfAborted()
    const rows = await reading.query<{ id: string }>(`fetch ${batchRows} from measurement_ids`)
    if (rows.length === 0) return missing
    const found = rows.map(({ id }) => Number(id)).filter((id) => !ids.has(id))
    for (const id of found) missing.add(id)
    if (found.length === 0) continue
    await postgres.query(
      `insert into ${replication.missingTable} select unnest($1::bigint[]) on conflict do nothing`,
      [found],
    )
  }
}

interface Deletions {
  readonly table: string
  readonly key: string
  readonly columns: readonly string[]
  readonly rows: readonly Readonly<Record<string, unknown>>[]
}

/** Rows that the topics still have although PostgreSQL does not: their deletion was never captured. */
async function findDeletions({ reading, reader }: RecoverTools): Promise<readonly Deletions[]> {
  const found: Deletions[] = []
  for (const { table, topic, key, columns } of smallTables) {
    const existing = await reading.query<{ key: string }>(`select ${key} as key from ${table}`)
    const keys = new Set(existing.map((row) => row.key))
    const captured = await readTable(reader, topic, key)
    const rows = [...captured].filter(([id]) => !keys.has(id)).map(([, row]) => row)
    found.push({ table, key, columns: [key, ...columns], rows })
  }
  return found
}

/** One transaction: the deletions happen again, and the signal for the snapshot comes after them in the log. */
async function captureAgain(
  { postgres }: RecoverTools,
  deletions: readonly Deletions[],
  withMeasurements: boolean,
): Promise<void> {
  await postgres.query('begin')
  const made: { readonly table: string; readonly key: string; readonly keys: string[] }[] = []
  for (const { table, key, columns, rows } of withModels(deletions)) {
    const keys: string[] = []
    for (const row of rows)
      keys.push(...(await insertAgain(postgres, { table, key, columns }, row)))
    made.push({ table, key, keys })
  }
  for (const { table, key, keys } of made.toReversed()) {
    await postgres.query(`delete from ${table} where ${key} = any($1)`, [keys])
  }
  await postgres.query(
    `insert into ${replication.signalTable} (id, type, data) values ($1, 'execute-snapshot', $2)`,
    [`recover-${Date.now()}`, JSON.stringify(snapshotOf(withMeasurements))],
  )
  await postgres.query('commit')
}

/** A deleted device needs its model for the moment in which it is there again. */
function withModels(deletions: readonly Deletions[]): readonly Deletions[] {
  const devices = deletions.find(({ table }) => table === 'device_catalog')?.rows ?? []
  return deletions.map((deletion) => {
    if (deletion.table !== 'device_models') return deletion
    const models = devices.map(({ model, type }) => ({ model, type }))
    return { ...deletion, rows: [...deletion.rows, ...models] }
  })
}

async function insertAgain(
  postgres: PostgresConnection,
  { table, key, columns }: Omit<Deletions, 'rows'>,
  row: Readonly<Record<string, unknown>>,
): Promise<readonly string[]> {
  const isModel = table === 'device_models'
  const names = isModel ? [...columns, 'channels', 'units'] : columns
  const values = columns.map((_, index) => `$${index + 1}`)
  const made = await postgres.query<{ key: string }>(
    `insert into ${table} (${names.join(', ')}) values (${[...values, ...(isModel ? [`'{-}'`, `'{-}'`] : [])].join(', ')})
     on conflict do nothing returning ${key} as key`,
    columns.map((column) => row[column]),
  )
  return made.map((one) => one.key)
}

/**
 * A blocking snapshot: an incremental one keeps rows by the message key while it reads a chunk, and measurements of one device
 * have one key, so it would pass on one row a device.
 */
function snapshotOf(withMeasurements: boolean) {
  const small = ['device_models', 'device_catalog', 'device_events', 'alarm_actions']
  const measurements = {
    'data-collection': 'public.raw_measurements',
    filter: `select m.* from public.raw_measurements m join ${replication.missingTable} using (id) order by m.id`,
  }
  return {
    type: 'blocking',
    'data-collections': [...small, ...(withMeasurements ? ['raw_measurements'] : [])].map(
      (table) => `public.${table}`,
    ),
    ...(withMeasurements ? { 'additional-conditions': [measurements] } : {}),
  }
}

/** The snapshot may still be under way when the stream is past its signal: waits as long as rows come. */
async function untilAllCaptured(
  { reader, signal, clock }: RecoverTools,
  { ends }: CapturedRows,
  missing: IdSet,
): Promise<void> {
  let from = ends
  let left = missing.size
  let lastCameAt = clock.now()
  while (left > 0) {
    signal.throwIfAborted()
    const more = await readCaptured(reader, topics.rawMeasurements, from)
    from = more.ends
    const came = more.ids.countIn(missing)
    left -= came
    if (came > 0) lastCameAt = clock.now()
    if (clock.now() - lastCameAt < silentMaxMs) continue
    throw new FaultlineError('BACK_END_UNAVAILABLE', `${left} measurements were not captured yet`, {
      remedy: 'The snapshot was interrupted: run `faultline slot recover` again for what is left.',
    })
  }
}

import type { ClickhouseClient } from '@faultline/runtime/clickhouse'
import { FaultlineError } from '@faultline/runtime/errors'
import { encodeMeasurements, insertMeasurements } from './measurement-rows.ts'
import { rangeOfSource, rollUpStatement } from './roll-up-statement.ts'
import type {
  OffsetRange,
  RefusedRecord,
  RollUpLevel,
  Source,
  WarehouseWriter,
} from './warehouse-writer.ts'

interface WriterOptions {
  readonly client: ClickhouseClient
  readonly migrate: () => Promise<unknown>
}

/**
 * One INSERT must become one block and so one part, which appears at once or not at all. These keep ClickHouse from cutting
 * it up; the rows of a range are far fewer.
 */
const oneBlock = {
  max_insert_threads: '1',
  max_block_size: '1000000',
  max_insert_block_size: '1000000',
  min_insert_block_size_rows: '1000000000',
  min_insert_block_size_bytes: '1000000000000',
  input_format_parallel_parsing: 0,
  insert_deduplicate: 1,
} as const

/** Offsets taken into a roll-up at once; bounds the memory of the states (100 channels: about 300 MB). */
const rollUpOffsetsMax = 10_000

/**
 * Tokens tried for one INSERT. The server may know a token whose part it lost: it was killed between writing down the one
 * and the other. Then the rows are not there although the server says so, and the next token is taken.
 */
const tokensMax = 4

/** The warehouse in ClickHouse. Why this is exact: docs/decisions/0005-clickhouse-exactly-once.md. */
export function clickhouseWriter({ client, migrate }: WriterOptions): WarehouseWriter {
  return {
    async ensure() {
      await migrate()
    },
    storedNext: (source, from) => storedNext(client, source, from),
    async insertRange(range, rows, again) {
      const body = encodeMeasurements(range, rows)
      if (!again) {
        await insert(client, { range, body, attempt: 0 })
        return
      }
      for (let attempt = 0; attempt < tokensMax; attempt += 1) {
        if (await holds(client, range, rows.length)) return
        await insert(client, { range, body, attempt })
      }
      if (!(await holds(client, range, rows.length))) throw swallowed(range)
    },
    keepRefused: (records) => keepRefused(client, records),
    keepModels: (rows) => insertJson(client, 'app.device_models', rows),
    keepEvents: (rows) =>
      insertJson(
        client,
        'app.device_events',
        rows.map((row) => ({ ...row, occurred_at: toDateTime64(row.occurred_at) })),
      ),
    removeEvents: (lsn) =>
      client.run('the truncation of events', {
        sql: `INSERT INTO app.device_events
          SELECT id, device_id, occurred_at, kind, code, detail, {lsn:UInt64}, 1
          FROM app.device_events FINAL WHERE is_deleted = 0 AND lsn < {lsn:UInt64}`,
        parameters: { lsn },
      }),
    rolledUpTo: (source, level) => rolledUpTo(client, source, level),
    rollUp: (source, level, end) => rollUp(client, { source, level, end }),
  }
}

const earliestMs = Date.UTC(1900, 0, 1)
const latestMs = Date.UTC(2299, 11, 31)

/** As text: of a number, JSON input takes whole seconds only. What a DateTime64 cannot hold becomes the nearest it can. */
function toDateTime64(epochMs: number): string {
  const held = Math.min(Math.max(epochMs, earliestMs), latestMs)
  return new Date(held).toISOString().slice(0, -1).replace('T', ' ')
}

async function storedNext(
  client: ClickhouseClient,
  { topic, partition }: Source,
  from: number,
): Promise<number | null> {
  const [row] = await client.rows<{ rows: string; next: string }>('the stored offsets', {
    sql: `SELECT toString(count()) AS rows, toString(max(topic_offset) + 1) AS next
      FROM app.enriched_measurements
      WHERE topic = {topic:String} AND topic_partition = {partition:UInt32} AND topic_offset >= {from:UInt64}`,
    parameters: { topic, partition, from },
  })
  return row === undefined || row.rows === '0' ? null : Number(row.next)
}

interface RangeInsert {
  readonly range: OffsetRange
  readonly body: readonly Buffer[]
  readonly attempt: number
}

async function insert(client: ClickhouseClient, { range, body, attempt }: RangeInsert) {
  const { topic, partition, start, end } = range
  const token = withAttempt(`${topic}:${partition}:${start}-${end}`, attempt)
  await client.insert(
    'a range of measurements',
    { sql: insertMeasurements, settings: { ...oneBlock, insert_deduplication_token: token } },
    body,
  )
}

/** A range is one part, so it is there with all of its rows or not at all; anything between is somebody else's doing. */
async function holds(
  client: ClickhouseClient,
  { topic, partition, start, end }: OffsetRange,
  expected: number,
): Promise<boolean> {
  const [row] = await client.rows<{ rows: string }>('a range of measurements', {
    sql: `SELECT toString(count()) AS rows FROM app.enriched_measurements WHERE ${rangeOfSource}`,
    parameters: { topic, partition, start, end },
  })
  const rows = Number(row?.rows ?? 0)
  if (rows !== 0 && rows !== expected) {
    throw new FaultlineError(
      'STATE_CORRUPT',
      `ClickHouse holds ${rows} rows of ${topic}/${partition} [${start}, ${end}), the topic has ${expected}`,
      {
        context: { topic, partition, start, end },
        remedy:
          'Was the topic made anew, or the table written by hand? Empty app.enriched_measurements and the roll-ups, reset the group.',
      },
    )
  }
  return rows === expected
}

async function keepRefused(
  client: ClickhouseClient,
  records: readonly RefusedRecord[],
): Promise<void> {
  const rows = records.map((record) => ({
    topic: record.topic,
    topic_partition: record.partition,
    topic_offset: record.offset,
    reason: record.reason,
    message: record.message,
    record_key: record.key?.toString('base64') ?? null,
    record_value: record.value.toString('base64'),
  }))
  await insertJson(client, 'app.refused_records', rows)
}

async function insertJson(
  client: ClickhouseClient,
  table: string,
  rows: readonly object[],
): Promise<void> {
  if (rows.length === 0) return
  const body = rows.map((row) => JSON.stringify(row)).join('\n')
  const sql = `INSERT INTO ${table} (${Object.keys(rows[0] ?? {}).join(', ')}) FORMAT JSONEachRow`
  await client.insert(`rows of ${table}`, { sql }, [Buffer.from(body)])
}

async function rolledUpTo(
  client: ClickhouseClient,
  source: Source,
  level: RollUpLevel,
): Promise<number> {
  const [row] = await client.rows<{ next: string }>('the progress of a roll-up', {
    sql: `SELECT toString(max(next_offset)) AS next FROM app.measurements_${level}
      WHERE device_id = '' AND progress_of = {progressOf:String}`,
    parameters: { progressOf: progressOf(source) },
  })
  return Number(row?.next ?? 0)
}

interface RollUp {
  readonly source: Source
  readonly level: RollUpLevel
  readonly end: number
}

/**
 * The token names the start of the range, which is the progress read from the table: of several that roll up from the same
 * start one is taken, and the progress read afterwards tells which end it had.
 */
async function rollUp(client: ClickhouseClient, { source, level, end }: RollUp): Promise<number> {
  const start = await rolledUpTo(client, source, level)
  for (let attempt = 0; attempt < tokensMax; attempt += 1) {
    const step = await nextStep(client, source, { start, end })
    if (step === null) return Math.max(start, end)
    await client.run(`the ${level} roll-up`, {
      sql: rollUpStatement(level),
      parameters: { ...source, ...step, start, progressOf: progressOf(source) },
      settings: {
        ...oneBlock,
        // Rows of one key are merged by the table; doing so in the INSERT too costs up to half of it.
        optimize_on_insert: 0,
        insert_deduplication_token: withAttempt(
          `${level}:${source.topic}:${source.partition}:${start}`,
          attempt,
        ),
      },
    })
    const reached = await rolledUpTo(client, source, level)
    if (reached > start) return reached
  }
  throw swallowed({ ...source, start, end })
}

/**
 * Where the next step ends and when its first row was ingested; null when nothing is left to take in. A stretch without rows
 * (removals, corrections) is passed over by counting from the first row. What comes next is nearly always near, and a
 * question about all that is left would cost a long backlog more than its roll-up.
 */
async function nextStep(
  client: ClickhouseClient,
  source: Source,
  { start, end }: Span,
): Promise<{ readonly end: number; readonly ingestedAt: number } | null> {
  if (start >= end) return null
  const nearEnd = Math.min(end, start + rollUpOffsetsMax)
  const first =
    (await firstRow(client, source, { start, end: nearEnd })) ??
    (nearEnd < end ? await firstRow(client, source, { start: nearEnd, end }) : null)
  if (first === null) return null
  return { end: Math.min(end, first.offset + rollUpOffsetsMax), ingestedAt: first.ingestedAt }
}

interface Span {
  readonly start: number
  readonly end: number
}

async function firstRow(
  client: ClickhouseClient,
  { topic, partition }: Source,
  { start, end }: Span,
): Promise<{ readonly offset: number; readonly ingestedAt: number } | null> {
  const [row] = await client.rows<{ rows: string; first: string; ingestedAt: number }>(
    'the rows of a roll-up',
    {
      sql: `SELECT toString(count()) AS rows, toString(min(topic_offset)) AS first,
        toUnixTimestamp(argMin(ingested_at, topic_offset)) AS ingestedAt
        FROM app.enriched_measurements WHERE ${rangeOfSource} AND revision = 1`,
      parameters: { topic, partition, start, end },
    },
  )
  if (row === undefined || row.rows === '0') return null
  return { offset: Number(row.first), ingestedAt: row.ingestedAt }
}

function progressOf({ topic, partition }: Source): string {
  return `${topic}:${partition}`
}

function withAttempt(token: string, attempt: number): string {
  return attempt === 0 ? token : `${token}#${attempt}`
}

function swallowed(range: Omit<OffsetRange, 'ingestedAt'>): FaultlineError {
  return new FaultlineError(
    'STATE_CORRUPT',
    'ClickHouse acknowledges rows that it does not hold afterwards',
    {
      context: { ...range },
      remedy: 'Look into the log of the ClickHouse server.',
    },
  )
}

import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import type { ClickhouseClient } from '@faultline/runtime/clickhouse'
import type { Clock } from '@faultline/runtime/clock'
import {
  Findings,
  type Difference,
  type OffsetVector,
  type OnCompared,
  type StoreAudit,
} from '../report.ts'
import { hourMs, type DeviceDigests, type DigestTable } from './digest-table.ts'
import { auditRollUps } from './roll-ups.ts'
import { ByteWriter, columns, rowDigestSql, type PlacedMeasurement } from './row-bytes.ts'

export interface WarehouseAuditOptions {
  readonly clickhouse: ClickhouseClient
  readonly topic: string
  /** The topic's rows below `offsets`; it must not change while the audit runs. */
  readonly digests: DigestTable
  /** First offset that the topic still holds, and next offset taken into the digests, by partition. */
  readonly offsets: ReadonlyMap<number, { readonly first: number; readonly next: number }>
  /** Reads records again, to name what differs. Records that the topic no longer holds are left out. */
  readonly reread: (range: RecordRange) => Promise<readonly PlacedMeasurement[]>
  /** Devices to compare; all where none are given. */
  readonly devices?: readonly string[]
  /** Hours before this one (epoch ms) and the roll-ups are left out, where only fresh rows are wanted. */
  readonly since?: number
  readonly differencesMax?: number
  readonly onCompared?: OnCompared
  readonly pace?: () => Promise<void>
  readonly clock: Clock
  readonly signal?: AbortSignal
}

/** Rows of a device within [first, last] of a partition. */
export interface RecordRange {
  readonly partition: number
  readonly first: number
  readonly last: number
  readonly deviceId: string
  /** Beginning of the hour they were measured in, epoch ms. */
  readonly hour: number
}

const devicesPerQuery = 50
/** How long stored rows may be behind what was read: half a minute, and the sink writes once a second. */
const looksMax = 150
const lookAgainMs = 200
const rowsNamedMax = 5_000

/**
 * Compares app.enriched_measurements with the topic at the stated offsets, by device and hour, and the roll-ups with the table.
 * Nothing is written.
 * @throws FaultlineError WAREHOUSE_UNAVAILABLE
 */
export async function auditWarehouse(options: WarehouseAuditOptions): Promise<StoreAudit> {
  return await new WarehouseAudit(options).run()
}

/** One past the last row of each partition that ClickHouse holds. @throws FaultlineError WAREHOUSE_UNAVAILABLE */
export async function storedOffsets(
  clickhouse: ClickhouseClient,
  topic: string,
): Promise<OffsetVector> {
  const rows = await clickhouse.rows<{ partition: number; next: string }>('stored offsets', {
    sql: `SELECT topic_partition AS partition, toString(max(topic_offset) + 1) AS next
      FROM app.enriched_measurements WHERE topic = {topic:String} GROUP BY topic_partition`,
    parameters: { topic },
  })
  return new Map(rows.map(({ partition, next }) => [partition, Number(next)]))
}

class WarehouseAudit {
  readonly #options: WarehouseAuditOptions
  readonly #findings: Findings

  constructor(options: WarehouseAuditOptions) {
    this.#options = options
    this.#findings = new Findings(options.differencesMax ?? 20, options.onCompared)
  }

  async run(): Promise<StoreAudit> {
    const { digests, offsets, devices, since } = this.#options
    const next: OffsetVector = new Map([...offsets].map(([p, bound]) => [p, bound.next]))
    if (!(await this.#untilStored())) return this.#findings.audit(next)
    await this.#expired()
    if (devices === undefined) await this.#unknownDevices()
    const ids = devices ?? [...digests.devices().keys()]
    for (let start = 0; start < ids.length; start += devicesPerQuery) {
      const some = ids.slice(start, start + devicesPerQuery)
      await this.#pause()
      await this.#compareDigests(some)
      if (since !== undefined) continue
      await this.#pause()
      await auditRollUps(this.#options, this.#findings, some)
    }
    return this.#findings.audit(next)
  }

  async #pause(): Promise<void> {
    this.#options.signal?.throwIfAborted()
    await this.#options.pace?.()
  }

  /** Rows come a second later than the topic says. False: ClickHouse does not catch up, and is not compared. */
  async #untilStored(): Promise<boolean> {
    const { clickhouse, topic, digests, clock, signal } = this.#options
    for (let looks = 1; ; looks += 1) {
      const stored = await storedOffsets(clickhouse, topic)
      const behind = [...digests.nextRows()].find(([p, next]) => (stored.get(p) ?? 0) < next)
      if (behind === undefined) return true
      if (looks === looksMax) {
        const [partition, next] = behind
        this.#findings.unchecked(
          `ClickHouse is behind: it holds partition ${partition} up to ${stored.get(partition) ?? 0}, not up to ${next}.`,
        )
        return false
      }
      await clock.sleep(lookAgainMs, signal)
    }
  }

  async #expired(): Promise<void> {
    const { clickhouse, topic, offsets } = this.#options
    for (const [partition, { first }] of offsets) {
      if (first === 0) continue
      const [row] = await clickhouse.rows<{ rows: string }>('rows older than the topic', {
        sql: `SELECT toString(count()) AS rows FROM app.enriched_measurements
          WHERE topic = {topic:String} AND topic_partition = {partition:UInt32} AND topic_offset < {first:UInt64}`,
        parameters: { topic, partition, first },
      })
      this.#findings.notCompared(
        `${row?.rows ?? 0} rows of partition ${partition} below offset ${first}: the topic no longer holds them.`,
      )
    }
  }

  async #unknownDevices(): Promise<void> {
    const { clickhouse, digests } = this.#options
    const rows = await clickhouse.rows<{ id: string; rows: string; first: string }>('devices', {
      sql: `SELECT device_id AS id, toString(count()) AS rows,
          toString(min((topic_partition, topic_offset))) AS first
        FROM app.enriched_measurements WHERE ${this.#below()} GROUP BY device_id`,
    })
    const known = digests.devices()
    this.#findings.compared('rows', digests.rows)
    this.#findings.add(
      rows
        .filter(({ id }) => !known.has(id))
        .map(({ id, rows: count, first }) =>
          rowDifference(id, null, `${count} rows, the first at ${first}`),
        ),
    )
  }

  /** The rows that the stated offsets cover. Numbers only, so they may stand in the text. */
  #below(): string {
    const { offsets, topic } = this.#options
    const ranges = [...offsets].map(
      ([partition, { first, next }]) =>
        `(topic_partition = ${partition} AND topic_offset >= ${first} AND topic_offset < ${next})`,
    )
    return `topic = ${quoted(topic)} AND (${ranges.join(' OR ') || '0'})`
  }

  async #compareDigests(ids: readonly string[]): Promise<void> {
    const { clickhouse, digests, since = -Infinity } = this.#options
    const fresh = Number.isFinite(since)
      ? `AND measured_at >= fromUnixTimestamp64Milli(${since})`
      : ''
    const rows = await clickhouse.rows<HourRow>('digests of devices', {
      sql: `SELECT device_id AS id, toString(hour_ms) AS hour, toString(count()) AS rows,
          toString(sumWithOverflow(digest)) AS sum
        FROM (SELECT device_id, ${rowDigestSql} AS digest,
            toUnixTimestamp64Milli(measured_at) - positiveModulo(toUnixTimestamp64Milli(measured_at), ${hourMs}) AS hour_ms
          FROM app.enriched_measurements
          WHERE device_id IN {ids:Array(String)} AND ${this.#below()} ${fresh})
        GROUP BY device_id, hour_ms`,
      parameters: { ids },
    })
    const stored = Map.groupBy(rows, ({ id }) => id)
    for (const id of ids) {
      const device = digests.devices().get(id)
      if (device === undefined) continue
      const hours = new Map((stored.get(id) ?? []).map((row) => [Number(row.hour), row]))
      await this.#compareDevice(id, device, hours)
    }
    this.#findings.compared('devices', ids.length)
  }

  async #compareDevice(
    id: string,
    { partition, hours }: DeviceDigests,
    stored: ReadonlyMap<number, HourRow>,
  ): Promise<void> {
    const { since = -Infinity } = this.#options
    for (const [hour, digest] of hours) {
      if (hour < since) continue
      this.#findings.compared('device hours', 1)
      const found = stored.get(hour)
      if (found?.rows === String(digest.count) && found.sum === String(digest.sum)) continue
      const { first, last } = digest
      await this.#nameDifferences({ partition, first, last, deviceId: id, hour })
    }
    for (const hour of stored.keys()) {
      if (hours.has(hour)) continue
      const bounds = { first: Infinity, last: -Infinity }
      await this.#nameDifferences({ partition, ...bounds, deviceId: id, hour })
    }
  }

  /** Finds the rows of a device and hour that differ, by reading both sides once more. */
  async #nameDifferences(range: RecordRange): Promise<void> {
    const { clickhouse, reread } = this.#options
    const { deviceId, hour } = range
    const wanted = range.first <= range.last ? await reread(range) : []
    const expected = new Map(wanted.map((row) => [`${row.partition}:${row.offset}`, row]))
    const rows = await clickhouse.rows<StoredRow>('the rows of an hour', {
      sql: `SELECT concat(toString(topic_partition), ':', toString(topic_offset)) AS at,
          [${columns.map(({ sql }) => `hex(${sql})`).join(', ')}] AS bytes,
          [${columns.map(({ name }) => `toString(${name})`).join(', ')}] AS shown
        FROM app.enriched_measurements
        WHERE device_id = {id:String} AND ${this.#below()}
          AND measured_at >= fromUnixTimestamp64Milli(toInt64({from:Int64}))
          AND measured_at < fromUnixTimestamp64Milli(toInt64({to:Int64}))
        ORDER BY topic_partition, topic_offset LIMIT ${rowsNamedMax}`,
      parameters: { id: deviceId, from: hour, to: hour + hourMs },
    })
    const stored = Map.groupBy(rows, ({ at }) => at)
    const missing = [...expected].filter(([at]) => !stored.has(at))
    this.#findings.add([
      ...missing.map(([at, row]) => rowDifference(field(range), shownRow(row), null, at)),
      ...[...stored].flatMap(([at, copies]) => compareRow(range, expected.get(at), at, copies)),
    ])
  }
}

interface HourRow {
  readonly id: string
  readonly hour: string
  readonly rows: string
  readonly sum: string
}

interface StoredRow {
  readonly at: string
  readonly bytes: readonly string[]
  readonly shown: readonly (string | null)[]
}

const table = 'app.enriched_measurements'

function compareRow(
  range: RecordRange,
  expected: PlacedMeasurement | undefined,
  at: string,
  copies: readonly StoredRow[],
): Difference[] {
  const [row] = copies
  if (row === undefined) return []
  const place = field(range)
  const whole = JSON.stringify(row.shown)
  if (expected === undefined) return [rowDifference(place, null, whole, at)]
  if (copies.length > 1) return [rowDifference(place, 'one row', `${copies.length} rows`, at)]
  const out = new ByteWriter()
  return columns.flatMap(({ name, write, shown }, i) => {
    out.clear()
    write(out, expected)
    if (out.bytes().toString('hex') === row.bytes[i]?.toLowerCase()) return []
    return [
      rowDifference(`${place} ${name}`, shownValue(shown(expected)), row.shown[i] ?? null, at),
    ]
  })
}

const field = ({ deviceId, hour }: RecordRange) => `${deviceId} ${new Date(hour).toISOString()}`

function shownRow({ measurement }: { readonly measurement: EnrichedMeasurement }): string {
  const { event_id, measured_at } = measurement
  return JSON.stringify({ event_id, measured_at })
}

const shownValue = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value)

const rowDifference = (
  place: string,
  expected: string | null,
  actual: string | null,
  at: string | null = null,
): Difference => ({ store: 'clickhouse', key: table, field: place, expected, actual, at })

/** A text in ClickHouse's SQL. */
function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`
}

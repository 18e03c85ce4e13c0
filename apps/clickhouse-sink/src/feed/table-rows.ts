import type { DeviceEventRow, DeviceModelRow } from '../warehouse/warehouse-writer.ts'

/**
 * Rows of the warehouse from decoded Debezium envelopes. Null: nothing to keep (a truncate, a schema of something else). A row
 * read by a snapshot has a position as well, so it orders itself among the changes.
 */

type Fields = Readonly<Record<string, unknown>>

interface RowChange {
  readonly row: Fields
  readonly isDeleted: boolean
  readonly lsn: number
}

function toRowChange(decoded: unknown): RowChange | null {
  if (!isFields(decoded)) return null
  const { op, before, after, source } = decoded
  const lsn = positionIn(source)
  if (lsn === null) return null
  if (op === 'd') return isFields(before) ? { row: before, isDeleted: true, lsn } : null
  return isFields(after) ? { row: after, isDeleted: false, lsn } : null
}

/** A row of an incremental snapshot has no LSN of its own: it stands where the stream was when it was read. */
function positionIn(source: unknown): number | null {
  if (!isFields(source)) return null
  const { lsn, sequence } = source
  if (typeof lsn === 'number') return lsn
  const match = typeof sequence === 'string' ? /^\["(\d+)"/.exec(sequence) : null
  return match === null ? null : Number(match[1])
}

/** The position from which on a table is empty; null for any other change. */
export function truncatedAt(decoded: unknown): number | null {
  return isFields(decoded) && decoded['op'] === 't' ? positionIn(decoded['source']) : null
}

/** A deleted model keeps its last row: stored readings still need the names of their channels. */
export function toModelRow(decoded: unknown): DeviceModelRow | null {
  const change = toRowChange(decoded)
  if (change === null || change.isDeleted) return null
  const { model, type, channels, units } = change.row
  if (typeof model !== 'string' || typeof type !== 'string') return null
  return { model, type, channels: texts(channels), units: texts(units), lsn: change.lsn }
}

export function toEventRow(decoded: unknown): DeviceEventRow | null {
  const change = toRowChange(decoded)
  if (change === null) return null
  const { id, device_id, occurred_at, kind, code, detail } = change.row
  if (typeof id !== 'number') return null
  const occurredAt = typeof occurred_at === 'string' ? Date.parse(occurred_at) : Number.NaN
  return {
    id,
    device_id: textOr(device_id, ''),
    occurred_at: Number.isNaN(occurredAt) ? 0 : occurredAt,
    kind: textOr(kind, ''),
    code: textOr(code, null),
    detail: textOr(detail, null),
    lsn: change.lsn,
    is_deleted: change.isDeleted ? 1 : 0,
  }
}

function textOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === 'string' ? value : otherwise
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map((text) => textOr(text, '')) : []
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

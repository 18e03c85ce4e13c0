import type { LogPosition } from '@faultline/core/join'

/** One Debezium change event, reduced to what is used. */
export interface Change {
  /** Created, updated, deleted, read by a snapshot, or the whole table truncated. */
  readonly op: 'c' | 'u' | 'd' | 'r' | 't'
  readonly before: Readonly<Record<string, unknown>> | null
  readonly after: Readonly<Record<string, unknown>> | null
  readonly position: LogPosition
  /** Transaction id in PostgreSQL; null for snapshot reads of some versions. */
  readonly transaction: string | null
  /** When PostgreSQL committed it, epoch ms. */
  readonly committedAt: number
}

type Fields = Readonly<Record<string, unknown>>

/** Reads a decoded envelope. Returns null when it is not one: a record of some other schema. */
export function toChange(decoded: unknown): Change | null {
  if (!isFields(decoded)) return null
  const { op, before = null, after = null, source } = decoded
  if (!isOperation(op) || !isFields(source)) return null
  if (!isFieldsOrNull(before) || !isFieldsOrNull(after)) return null
  const { ts_ms: committedAt, txId } = source
  const position = positionOf(op, source)
  if (position === null || typeof committedAt !== 'number') return null
  return {
    op,
    before,
    after,
    position,
    transaction: typeof txId === 'number' ? String(txId) : null,
    committedAt,
  }
}

function isOperation(op: unknown): op is Change['op'] {
  return op === 'c' || op === 'u' || op === 'd' || op === 'r' || op === 't'
}

/**
 * `source.sequence` is a JSON pair: the end of the transaction committed before, and the change's LSN. The first entry is
 * null before the first commit seen and in snapshots; the change's own LSN stands in for it then, which keeps the order.
 * A row of an incremental snapshot has no LSN of its own: it stands where the stream was when it was read.
 */
function positionOf(op: Change['op'], { lsn, sequence }: Fields): LogPosition | null {
  const lastCommit = typeof sequence === 'string' ? lastCommitOf(sequence) : null
  if (op === 'r') {
    const read = typeof lsn === 'number' ? lsn : lastCommit
    return read === null ? null : { commit: read, lsn: read }
  }
  return typeof lsn === 'number' ? { commit: lastCommit ?? lsn, lsn } : null
}

/** The first number of the pair, digit by digit: a pattern takes a tenth of what enriching a measurement takes. */
function lastCommitOf(sequence: string): number | null {
  if (!sequence.startsWith('["')) return null
  let commit = 0
  let at = 2
  for (; at < sequence.length; at++) {
    const digit = sequence.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) break
    commit = commit * 10 + digit
  }
  return at > 2 && sequence[at] === '"' ? commit : null
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isFieldsOrNull(value: unknown): value is Fields | null {
  return value === null || isFields(value)
}

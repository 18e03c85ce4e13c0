/**
 * Every error code of the product, with what is done about it. docs/errors.md lists the same codes (a test compares them).
 * `retry`: the adapter tries again, bounded; `rewind`: drop the transaction and read again from the last commit;
 * `step-aside`: the partition is put down, and taken up again only if the group goes on giving it to this process;
 * `fatal`: the process stops and its supervisor starts it anew; `reject`: the caller is told.
 */
export interface ErrorEntry {
  readonly disposition: 'retry' | 'rewind' | 'step-aside' | 'fatal' | 'reject'
  readonly httpStatus?: number
}

export const errorCatalogue = {
  CONFIG_INVALID: { disposition: 'fatal' },
  BROKER_UNAVAILABLE: { disposition: 'retry', httpStatus: 503 },
  PRODUCER_FENCED: { disposition: 'step-aside' },
  TRANSACTION_ABORTED: { disposition: 'rewind' },
  STATE_CORRUPT: { disposition: 'fatal' },
  RECORDS_EXPIRED: { disposition: 'fatal' },
  POSITION_UNKNOWN: { disposition: 'fatal' },
  DEAD_LETTER_FLOOD: { disposition: 'fatal' },
  REGISTRY_UNAVAILABLE: { disposition: 'retry', httpStatus: 503 },
  SCHEMA_UNKNOWN: { disposition: 'reject' },
  RECORD_UNDECODABLE: { disposition: 'reject' },
  DATABASE_UNAVAILABLE: { disposition: 'retry', httpStatus: 503 },
  MIGRATION_CONFLICT: { disposition: 'fatal' },
  SERVING_STORE_UNAVAILABLE: { disposition: 'retry', httpStatus: 503 },
  SERVING_STORE_BEHIND: { disposition: 'rewind' },
  SERVING_STORE_FENCED: { disposition: 'step-aside' },
  SCRIPT_REPLY_UNKNOWN: { disposition: 'fatal' },
  WAREHOUSE_UNAVAILABLE: { disposition: 'retry', httpStatus: 503 },
  BACK_END_UNAVAILABLE: { disposition: 'fatal' },
  PORT_TAKEN: { disposition: 'fatal' },
  TOOL_MISSING: { disposition: 'fatal' },
  DOWNLOAD_FAILED: { disposition: 'fatal' },
  HOME_UNUSABLE: { disposition: 'fatal' },
  DISK_FULL: { disposition: 'fatal' },
  ALREADY_RUNNING: { disposition: 'reject' },
  NOT_RUNNING: { disposition: 'reject' },
  REBUILD_REFUSED: { disposition: 'reject' },
  ARGUMENT_INVALID: { disposition: 'reject', httpStatus: 400 },
  NOT_FOUND: { disposition: 'reject', httpStatus: 404 },
  METHOD_NOT_ALLOWED: { disposition: 'reject', httpStatus: 405 },
  OFFSET_NOT_REACHED: { disposition: 'reject', httpStatus: 409 },
  BODY_TOO_LARGE: { disposition: 'reject', httpStatus: 413 },
  MEDIA_TYPE_UNSUPPORTED: { disposition: 'reject', httpStatus: 415 },
  IDEMPOTENCY_KEY_REUSED: { disposition: 'reject', httpStatus: 422 },
  RATE_LIMITED: { disposition: 'reject', httpStatus: 429 },
  INTERNAL_ERROR: { disposition: 'reject', httpStatus: 500 },
  INGEST_BUSY: { disposition: 'reject', httpStatus: 503 },
  DEADLINE_EXCEEDED: { disposition: 'reject', httpStatus: 504 },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof errorCatalogue

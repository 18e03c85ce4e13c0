/** The record of the topic `dead_letter_measurements`: bytes we refuse, kept with the reason. Key: the original key. */

/** Why a record was refused; a closed set, and a metric label. */
export const deadLetterReasons = [
  'UNDECODABLE',
  'UNKNOWN_SCHEMA',
  'ROW_INVALID',
  'CLOCK_INVALID',
  'DEVICE_UNKNOWN',
  'ROW_FORGOTTEN',
] as const
export type DeadLetterReason = (typeof deadLetterReasons)[number]

/** Headers of a raw record that a replay wrote: the letter it came from (`partition:offset`) and how often it was refused. */
export const replayHeaders = {
  letter: 'faultline_dead_letter',
  attempts: 'faultline_attempts',
} as const

export interface DeadLetter {
  /** The original value, byte for byte. */
  readonly value: Uint8Array
  readonly reason: DeadLetterReason
  /** One sentence without a stack and without row data. */
  readonly message: string
  readonly source_topic: string
  readonly source_partition: number
  readonly source_offset: number
  /** How often the record was refused, this time included. */
  readonly attempts: number
  /** Epoch ms. */
  readonly refused_at: number
}

/** Avro schema of the topic's values, registered under `dead_letter_measurements-value`. */
export const deadLetterAvro = {
  type: 'record',
  name: 'DeadLetter',
  namespace: 'faultline',
  fields: [
    { name: 'value', type: 'bytes' },
    { name: 'reason', type: 'string' },
    { name: 'message', type: 'string' },
    { name: 'source_topic', type: 'string' },
    { name: 'source_partition', type: 'int' },
    { name: 'source_offset', type: 'long' },
    { name: 'attempts', type: 'int' },
    { name: 'refused_at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
} as const

/** The record of the topic `dead_letter_decisions`. Key: `partition:offset` of the letter; it is in the letter's partition. */
export interface DeadLetterDecision {
  readonly partition: number
  readonly offset: number
  readonly decision: 'replayed' | 'discarded'
  /** Epoch ms. */
  readonly decided_at: number
}

/** Avro schema of the topic's values, registered under `dead_letter_decisions-value`. */
export const deadLetterDecisionAvro = {
  type: 'record',
  name: 'DeadLetterDecision',
  namespace: 'faultline',
  fields: [
    { name: 'partition', type: 'int' },
    { name: 'offset', type: 'long' },
    { name: 'decision', type: 'string' },
    { name: 'decided_at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
} as const

/**
 * Where things are in a record batch of version 2, the form of Kafka's log since 0.11: big endian, places from the start of
 * the batch. The checksum is CRC-32C of everything from `attributes` on.
 */
export const head = {
  firstOffset: 0,
  /** i32: bytes from `leaderEpoch` to the end. */
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  checksum: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  firstTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  firstSequence: 53,
  records: 57,
  bytes: 61,
} as const

export const magic = 2

/** Bits of `attributes`. */
export const attribute = {
  compression: 0x07,
  logAppendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
} as const

/** The Confluent wire format: magic byte 0, schema id as 4 bytes big endian, Avro body. */
export const headerBytes = 5

/** The schema id, or null when the bytes are not in the wire format. */
export function schemaIdOf(value: Buffer): number | null {
  if (value.length < headerBytes || value[0] !== 0) return null
  return value.readUInt32BE(1)
}

export function writeHeader(target: Buffer, schemaId: number): void {
  target[0] = 0
  target.writeUInt32BE(schemaId, 1)
}

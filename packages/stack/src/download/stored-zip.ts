import { crc32 } from 'node:zlib'

interface ZipEntry {
  readonly path: string
  readonly content: Buffer
}

// 1980-01-01, the oldest date a zip can hold: the same input gives the same bytes.
const dosDate = 0x0021
const versionNeeded = 20

/** A zip (or jar) of a few small files, uncompressed. Far below the format's 4 GiB limits by its purpose. */
export function storedZip(entries: readonly ZipEntry[]): Buffer {
  const files: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const entry of entries) {
    const path = Buffer.from(entry.path)
    const common = commonHeader(entry.content, path.length)
    const localHeader = Buffer.concat([uint32(0x04034b50), common, path])
    files.push(localHeader, entry.content)
    directory.push(
      Buffer.concat([
        uint32(0x02014b50),
        uint16(versionNeeded),
        common,
        // Comment length, disk number, internal attributes; then external attributes and where the file starts.
        Buffer.alloc(6),
        uint32(0),
        uint32(offset),
        path,
      ]),
    )
    offset += localHeader.length + entry.content.length
  }
  const directoryBytes = Buffer.concat(directory)
  return Buffer.concat([
    ...files,
    directoryBytes,
    uint32(0x06054b50),
    Buffer.alloc(4),
    uint16(entries.length),
    uint16(entries.length),
    uint32(directoryBytes.length),
    uint32(offset),
    uint16(0),
  ])
}

/** The fields that a file's own header and its directory entry share. */
function commonHeader(content: Buffer, pathLength: number): Buffer {
  return Buffer.concat([
    uint16(versionNeeded),
    uint16(0),
    uint16(0),
    uint16(0),
    uint16(dosDate),
    uint32(crc32(content)),
    uint32(content.length),
    uint32(content.length),
    uint16(pathLength),
    uint16(0),
  ])
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

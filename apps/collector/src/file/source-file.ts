import { createHash, type Hash } from 'node:crypto'
import { join } from 'node:path'
import { frameBytes } from '@faultline/core/frame'
import type { LedgerEntry } from '@faultline/ingest/ledger'
import { isPacked, type FoundFile } from '../folder/scan.ts'
import { isUnreadable, plainBytes, unpackedBytes } from './file-bytes.ts'
import { RejectionLog } from './rejection-log.ts'

/** Of the digest in a ledger key: enough to tell beginnings apart. */
const keyDigestLength = 32

/**
 * What the ledger knows a file by: its name and the digest of its first record, as it lies there. The key stays the same while
 * a file grows, and a new file of an old name has another one.
 */
export async function ledgerKey({ name, path }: FoundFile): Promise<string> {
  const digest = createHash('sha256')
  try {
    for await (const piece of plainBytes(path, 0, frameBytes)) digest.update(piece)
  } catch (error) {
    // It will be found unreadable again where it is read, and put aside there.
    if (!isUnreadable(error)) throw error
  }
  return `${name} ${digest.digest('hex').slice(0, keyDigestLength)}`
}

/** A file that is being collected: how far it is taken, ahead of the ledger by the batches that are not committed yet. */
export class SourceFile {
  readonly name: string
  readonly path: string
  readonly inode: number
  readonly key: string
  readonly isPacked: boolean
  readonly rejections: RejectionLog
  /** Position in the ledger once every batch is committed; null where it does not know the file. */
  ledgerPosition: number | null
  /** Bytes of whole records that are taken, unpacked. */
  taken: number
  /** Where the ledger has the file as complete, and so its torn end or its damage as counted. */
  completedAt: number | undefined
  /** Of what is taken. */
  readonly #digest: Hash

  private constructor(file: FoundFile, { key, entry, digest, taken }: Start, errorFolder: string) {
    this.name = file.name
    this.path = file.path
    this.inode = file.inode
    this.key = key
    this.isPacked = isPacked(file.name)
    this.ledgerPosition = entry?.position ?? null
    this.taken = taken
    this.completedAt = entry?.completed === true && entry.position === taken ? taken : undefined
    this.#digest = digest
    const [, keyDigest = ''] = key.split(/ (?=[0-9a-f]+$)/)
    this.rejections = new RejectionLog(
      join(errorFolder, `${file.name}.${keyDigest.slice(0, 8)}.jsonl`),
      this.completedAt === undefined ? taken : taken + 1,
    )
  }

  /**
   * Takes a file up where the ledger has it. Its beginning must be what was taken then; a file that was replaced by one with
   * the same first record starts anew.
   */
  static async open(
    file: FoundFile,
    key: string,
    { entry, errorFolder }: { entry: LedgerEntry | undefined; errorFolder: string },
  ): Promise<SourceFile> {
    const digest = createHash('sha256')
    if (entry !== undefined && (await digestOf(file, entry.position, digest)) === entry.mark) {
      return new SourceFile(file, { key, entry, digest, taken: entry.position }, errorFolder)
    }
    const start = { key, entry, digest: createHash('sha256'), taken: 0 }
    return new SourceFile(file, start, errorFolder)
  }

  /** Counts whole records as taken. */
  take(records: Uint8Array): void {
    this.#digest.update(records)
    this.taken += records.length
  }

  /** Digest of what is taken. */
  mark(): string {
    return this.#digest.copy().digest('hex')
  }
}

interface Start {
  readonly key: string
  readonly entry: LedgerEntry | undefined
  readonly digest: Hash
  readonly taken: number
}

/** The digest of the first `length` bytes, also left in `digest`; undefined where there are fewer. */
async function digestOf(
  file: FoundFile,
  length: number,
  digest: Hash,
): Promise<string | undefined> {
  let left = length
  const pieces = isPacked(file.name)
    ? unpackedBytes(file.path, 0)
    : plainBytes(file.path, 0, length)
  try {
    for await (const piece of pieces) {
      const part = piece.subarray(0, left)
      digest.update(part)
      left -= part.length
      if (left === 0) break
    }
  } catch (error) {
    if (!isUnreadable(error)) throw error
  }
  return left === 0 ? digest.copy().digest('hex') : undefined
}

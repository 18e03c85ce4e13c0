import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import { pruneLedger, readLedger, type LedgerEntry } from '../ledger/index.ts'

/** Of the entries of loads in the ledger. */
export const ledgerSource = 'load'

/** A load is an act of a person, who may come back to a file after months. There is one entry for each file. */
const keptHours = 366 * 24

/** A file to load, and which device it is of where it does not say so itself. */
export interface Candidate {
  readonly path: string
  readonly deviceId?: string
}

/** A file that is being loaded: how far it is read, and how far the ledger had it before. */
export class LoadedFile {
  readonly name: string
  /** What the ledger knows it by. */
  readonly key: string
  /** Position in the ledger once every batch is committed; null where it does not know the file. */
  ledgerPosition: number | null
  readonly #committedBefore: number
  #read = 0

  constructor(name: string, key: string, entry: LedgerEntry | undefined) {
    this.name = name
    this.key = key
    this.ledgerPosition = entry?.position ?? null
    this.#committedBefore = entry?.position ?? 0
  }

  /** Records read, good and bad. */
  get read(): number {
    return this.#read
  }

  /** Counts the next record as read. False where an earlier load has taken it. */
  advance(): boolean {
    this.#read += 1
    return this.#read > this.#committedBefore
  }
}

/**
 * The files by path, without those that were loaded to their end before, and without a second one of the same contents. A file is known
 * by the digest of all its bytes, as they lie there.
 */
export async function openFiles(
  connection: PostgresConnection,
  candidates: readonly Candidate[],
): Promise<ReadonlyMap<string, LoadedFile>> {
  await pruneLedger(connection, ledgerSource, keptHours)
  const keys = new Map<string, string>()
  for (const { path, deviceId } of candidates) {
    const digest = await digestOf(path)
    const key = deviceId === undefined ? digest : `${digest} ${deviceId}`
    // Of two files with the same contents the first one is loaded.
    if (!keys.has(key)) keys.set(key, path)
  }
  const entries = await readLedger(connection, ledgerSource, [...keys.keys()])
  const open = [...keys].filter(([key]) => entries.get(key)?.completed !== true)
  return new Map(
    open.map(([key, path]) => [path, new LoadedFile(basename(path), key, entries.get(key))]),
  )
}

async function digestOf(path: string): Promise<string> {
  const digest = createHash('sha256')
  for await (const piece of createReadStream(path, { highWaterMark: 1_048_576 })) {
    digest.update(piece as Buffer)
  }
  return digest.digest('hex')
}

import { readLedger } from '@faultline/ingest/ledger'
import type { Patience } from '@faultline/ingest/patience'
import { systemCode } from '@faultline/runtime/errors'
import { ledgerSource } from '../batch/commit.ts'
import type { Database } from '../database.ts'
import { isPacked, type FoundFile } from '../folder/scan.ts'
import { ledgerKey, SourceFile } from './source-file.ts'

interface KnownFilesOptions {
  readonly database: Database
  readonly patience: Patience
  readonly errorFolder: string
}

/** The files that are being collected, by name: those of the folder that the ledger was asked about. */
export class KnownFiles {
  readonly #options: KnownFilesOptions
  readonly #files = new Map<string, SourceFile>()

  constructor(options: KnownFilesOptions) {
    this.#options = options
  }

  /** Forgets all but these names. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const name of this.#files.keys()) if (!names.has(name)) this.#files.delete(name)
  }

  forget(name: string): void {
    this.#files.delete(name)
  }

  forgetAll(): void {
    this.#files.clear()
  }

  /**
   * The files, taken up where the ledger has them. Left out are those that vanished meanwhile, and those that still grow and are
   * shorter than what the ledger has of them: somebody is giving a known file again.
   */
  async open(
    found: readonly FoundFile[],
    finished: ReadonlySet<string>,
  ): Promise<ReadonlyMap<string, SourceFile>> {
    const strangers = found.filter((file) => !this.#isKnown(file))
    const keys = new Map<FoundFile, string>()
    for (const file of strangers) {
      const key = await ifThere(() => ledgerKey(file))
      if (key !== undefined) keys.set(file, key)
    }
    const { database, patience, errorFolder } = this.#options
    if (keys.size > 0) {
      const entries = await patience.until('PostgreSQL', () =>
        database.use(({ connection }) => readLedger(connection, ledgerSource, [...keys.values()])),
      )
      for (const [file, key] of keys) {
        const entry = entries.get(key)
        const isShorter = !isPacked(file.name) && file.size < (entry?.position ?? 0)
        if (isShorter && !finished.has(file.name)) continue
        const opened = await ifThere(() => SourceFile.open(file, key, { entry, errorFolder }))
        if (opened !== undefined) this.#files.set(file.name, opened)
      }
    }
    const names = new Set(found.map(({ name }) => name))
    return new Map([...this.#files].filter(([name]) => names.has(name)))
  }

  /** A file that is another one by now, or was cut, is none that we know. */
  #isKnown(found: FoundFile): boolean {
    const known = this.#files.get(found.name)
    if (known?.inode === found.inode && (known.isPacked || known.taken <= found.size)) return true
    this.#files.delete(found.name)
    return false
  }
}

/** What `read` gives, or undefined where the file is gone. */
export async function ifThere<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

import { mkdir, open, readFile } from 'node:fs/promises'
import { constants } from 'node:fs'
import { dirname } from 'node:path'
import { systemCode } from '@faultline/runtime/errors'
import type { Rejection } from '@faultline/ingest/files'

/**
 * The rejected records of one file as JSON lines, in the order of the file. A line is on disk before the ledger counts it; what
 * a crash left beyond the ledger's position is cut off before the first line is added, so each record is there once.
 */
export class RejectionLog {
  readonly path: string
  readonly #keepBelow: number
  /** Bytes that are good; unknown before the first line is added. */
  #length: number | undefined

  /** Lines of records at `keepBelow` and behind are not the ledger's. */
  constructor(path: string, keepBelow: number) {
    this.path = path
    this.#keepBelow = keepBelow
  }

  /** Adds the lines and makes them durable. Safe to repeat after a failure. */
  async add(rejections: readonly Rejection[]): Promise<void> {
    if (rejections.length === 0) return
    const text = Buffer.from(rejections.map((each) => `${JSON.stringify(each)}\n`).join(''))
    await mkdir(dirname(this.path), { recursive: true })
    this.#length ??= await this.#goodLength()
    const handle = await open(this.path, constants.O_WRONLY | constants.O_CREAT, 0o644)
    try {
      await handle.truncate(this.#length)
      for (let at = 0; at < text.length;) {
        at += (await handle.write(text, at, text.length - at, this.#length + at)).bytesWritten
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    this.#length += text.length
  }

  async #goodLength(): Promise<number> {
    let bytes: Buffer
    try {
      bytes = await readFile(this.path)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return 0
      throw error
    }
    let good = 0
    for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, good)) {
      const at = positionOf(bytes.toString('utf8', good, end))
      if (at === undefined || at >= this.#keepBelow) break
      good = end + 1
    }
    return good
  }
}

/** Where the record of a line begins; undefined for a line that was not written whole. */
function positionOf(line: string): number | undefined {
  try {
    return (JSON.parse(line) as Rejection).at
  } catch {
    return undefined
  }
}

import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Rejection } from '../files/loadable.ts'

/** Rejections are gathered up to this many bytes before they are written. */
const bufferBytesMax = 262_144

/** Keeps rejections as JSON lines in a file that is made with the first of them. */
export class RejectionFile {
  readonly #path: string
  readonly #folder: string
  #handle: FileHandle | undefined
  #pending: string[] = []
  #pendingBytes = 0
  #count = 0

  /** `name` is what was loaded; `startedMs` makes the file's name its own. */
  constructor(folder: string, name: string, startedMs: number) {
    const timestamp = new Date(startedMs).toISOString().replaceAll(/[:.]/g, '-')
    this.#folder = folder
    this.#path = join(folder, `${name}-${timestamp}.jsonl`)
  }

  get count(): number {
    return this.#count
  }

  /** The file, once there is one. */
  get path(): string | undefined {
    return this.#count > 0 ? this.#path : undefined
  }

  async add(rejection: Rejection): Promise<void> {
    const line = `${JSON.stringify(rejection)}\n`
    this.#count += 1
    this.#pending.push(line)
    this.#pendingBytes += line.length
    if (this.#pendingBytes >= bufferBytesMax) await this.flush()
  }

  /** Resolves when all that was added is on disk. */
  async flush(): Promise<void> {
    if (this.#pending.length === 0) return
    const text = this.#pending.join('')
    this.#pending = []
    this.#pendingBytes = 0
    if (this.#handle === undefined) {
      await mkdir(this.#folder, { recursive: true })
      this.#handle = await open(this.#path, 'a')
    }
    await this.#handle.appendFile(text)
    await this.#handle.sync()
  }

  /** Writes what is pending and closes; safe to repeat. */
  async close(): Promise<void> {
    await this.flush()
    await this.#handle?.close()
    this.#handle = undefined
  }
}

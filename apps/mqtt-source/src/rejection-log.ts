import { constants } from 'node:fs'
import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'

interface Waiting {
  readonly text: string
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Keeps lines in a file that is made with the first of them. What waits while others are written goes to the disk together. */
export class RejectionLog {
  readonly #path: string
  /** Bytes that are good: a full disk takes a line in part. */
  #length = 0
  #handle: FileHandle | undefined
  #waiting: Waiting[] = []
  #writing: Promise<void> | undefined

  /** `path` is of a file that nobody else writes. */
  constructor(path: string) {
    this.#path = path
  }

  /** Resolves when the line is durable. */
  add(line: object): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    this.#waiting.push({
      text: `${JSON.stringify(line)}\n`,
      resolve: () => {
        resolve(undefined)
      },
      reject,
    })
    this.#writing ??= this.#write()
    return promise
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#handle?.close()
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting
      this.#waiting = []
      try {
        await this.#append(Buffer.from(group.map(({ text }) => text).join('')))
        for (const { resolve } of group) resolve()
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#writing = undefined
  }

  async #append(bytes: Buffer): Promise<void> {
    if (this.#handle === undefined) {
      await mkdir(dirname(this.#path), { recursive: true })
      this.#handle = await open(this.#path, constants.O_WRONLY | constants.O_CREAT, 0o644)
    }
    await this.#handle.truncate(this.#length)
    for (let at = 0; at < bytes.length;) {
      const to = this.#length + at
      at += (await this.#handle.write(bytes, at, bytes.length - at, to)).bytesWritten
    }
    await this.#handle.sync()
    this.#length += bytes.length
  }
}

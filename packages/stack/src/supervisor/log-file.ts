import { closeSync, copyFileSync, ftruncateSync, openSync, renameSync, statSync } from 'node:fs'

/**
 * The log of one child, of bounded size: `<path>` and at most `keep` older files `<path>.1`, `<path>.2`.
 * The child writes to the file itself, opened for appending, and not to a pipe through the supervisor: so a killed
 * supervisor takes neither the children nor their last words with it, and a slow one never blocks them. The price is that
 * a running child's log is rotated by copy and truncate, which can lose lines written within that instant.
 */
export class LogFile {
  readonly path: string
  readonly #maxBytes: number
  readonly #keep: number

  constructor(path: string, limits: { maxBytes: number; keep: number }) {
    this.path = path
    this.#maxBytes = limits.maxBytes
    this.#keep = limits.keep
  }

  /** A descriptor for a child's output; the caller closes its own copy after the spawn. Nobody writes now: no line is lost. */
  open(): number {
    if (this.#size() > this.#maxBytes) {
      this.#shift()
      renameSync(this.path, `${this.path}.1`)
    }
    return openSync(this.path, 'a', 0o644)
  }

  /** Rotates when the file has grown past its bound. A full disk must not stop the supervisor, so the log is cut then. */
  rotateIfLarge(): void {
    if (this.#size() <= this.#maxBytes) return
    const descriptor = openSync(this.path, 'r+')
    try {
      this.#shift()
      copyFileSync(this.path, `${this.path}.1`)
    } finally {
      ftruncateSync(descriptor, 0)
      closeSync(descriptor)
    }
  }

  #shift(): void {
    for (let age = this.#keep; age > 1; age -= 1) {
      try {
        renameSync(`${this.path}.${age - 1}`, `${this.path}.${age}`)
      } catch {
        // There is no file of that age yet.
      }
    }
  }

  #size(): number {
    return statSync(this.path, { throwIfNoEntry: false })?.size ?? 0
  }
}

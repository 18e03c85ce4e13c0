import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What happens to the bytes of one direction. */
export type Behaviour =
  | { readonly kind: 'pass' }
  /** Taken and dropped. A connection that lost bytes like this is reset when the behaviour changes. */
  | { readonly kind: 'black hole' }
  /** Nothing is read any more: half of the connection is open. What waits goes on when the behaviour changes. */
  | { readonly kind: 'stall' }
  | {
      readonly kind: 'slow'
      readonly delayMs: number
      /** Up to so much more for each piece; order is kept. */
      readonly jitterMs?: number
      readonly bytesPerSecond?: number
    }
  /** So many bytes still pass, counted for each connection; then it is reset. */
  | { readonly kind: 'cut'; readonly afterBytes: number }

interface PipeOptions {
  readonly to: Socket
  readonly random: () => number
  /** The connection is to be reset: this many bytes of it passed as agreed, no more may. */
  readonly onCut: () => void
}

/** Delayed bytes kept for one direction; beyond, reading waits. */
const queuedBytesMax = 4 * 1024 * 1024

/** One direction of one connection: delivers pieces in order, as the behaviour says. */
export class Pipe {
  readonly #options: PipeOptions
  #behaviour: Behaviour
  #changed = Promise.withResolvers<undefined>()
  #left = 0
  #freeAt = 0
  #dueAt = 0
  #queuedBytes = 0
  #queue: Promise<void> = Promise.resolve()
  #isClosed = false
  swallowedBytes = 0
  deliveredBytes = 0

  constructor(behaviour: Behaviour, options: PipeOptions) {
    this.#options = options
    this.#behaviour = behaviour
    this.behave(behaviour)
  }

  behave(behaviour: Behaviour): void {
    this.#behaviour = behaviour
    this.#left = behaviour.kind === 'cut' ? behaviour.afterBytes : 0
    this.#changed.resolve(undefined)
    this.#changed = Promise.withResolvers()
  }

  /** Resolves once the direction is not stalled, or closed. */
  async whileStalled(): Promise<void> {
    while (this.#behaviour.kind === 'stall' && !this.#isClosed) await this.#changed.promise
  }

  /** Resolves when the next piece may be read. */
  async deliver(piece: Buffer): Promise<void> {
    await this.whileStalled()
    const behaviour = this.#behaviour
    switch (behaviour.kind) {
      case 'pass':
        await this.#after(performance.now(), piece)
        return
      case 'black hole':
        this.swallowedBytes += piece.length
        return
      case 'slow':
        await this.#after(this.#due(behaviour, piece.length), piece)
        return
      case 'cut':
        await this.#after(performance.now(), piece.subarray(0, this.#left))
        this.#left -= piece.length
        if (this.#left < 0) this.#options.onCut()
        return
      case 'stall':
        return
    }
  }

  /** Everything delivered, the end of this direction is passed on; the other one may still be open. */
  async end(): Promise<void> {
    await this.#queue
    this.#options.to.end()
  }

  close(): void {
    this.#isClosed = true
    this.#changed.resolve(undefined)
  }

  #due(behaviour: Behaviour & { readonly kind: 'slow' }, bytes: number): number {
    const now = performance.now()
    const { delayMs, jitterMs = 0, bytesPerSecond } = behaviour
    if (bytesPerSecond !== undefined) {
      this.#freeAt = Math.max(this.#freeAt, now) + (bytes / bytesPerSecond) * 1_000
    }
    return Math.max(now, this.#freeAt) + delayMs + this.#options.random() * jitterMs
  }

  async #after(due: number, piece: Buffer): Promise<void> {
    this.#dueAt = Math.max(this.#dueAt, due)
    const at = this.#dueAt
    this.#queuedBytes += piece.length
    this.#queue = this.#queue.then(async () => {
      const wait = at - performance.now()
      if (wait > 0) await sleep(wait)
      await this.#write(piece)
      this.#queuedBytes -= piece.length
    })
    if (at <= performance.now() || this.#queuedBytes > queuedBytesMax) await this.#queue
  }

  async #write(piece: Buffer): Promise<void> {
    const { to } = this.#options
    if (this.#isClosed || to.destroyed || piece.length === 0) return
    this.deliveredBytes += piece.length
    if (to.write(piece)) return
    await new Promise<void>((resolve) => {
      to.once('drain', resolve)
      to.once('close', resolve)
    })
  }
}

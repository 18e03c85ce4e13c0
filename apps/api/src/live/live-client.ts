import type { Clock } from '@faultline/runtime/clock'
import { failpoint } from '@faultline/runtime/failpoints'
import { isoTime } from '../http/as-of.ts'
import type { FrameRing } from './frame-ring.ts'

/** The part of an HTTP response that a stream needs. */
export interface StreamWriter {
  /** False: the socket's buffer is full; wait for `drain`. */
  write(text: string): boolean
  end(): void
  destroy(): void
}

/**
 * One reader of the ring. It is handed a frame only while its socket takes more; a slow one waits in the ring at no cost, and
 * is told to start over (`reset`) once what it missed has left the ring.
 */
export class LiveClient {
  readonly #ring: FrameRing
  readonly #writer: StreamWriter
  readonly #snapshot: () => readonly string[]
  readonly #clock: Clock
  #next: number
  #blockedSince: number | null = null

  constructor(deps: {
    readonly ring: FrameRing
    readonly writer: StreamWriter
    /** What a client that starts over is given first: frames of the present, without ids. */
    readonly snapshot: () => readonly string[]
    readonly clock: Clock
  }) {
    this.#ring = deps.ring
    this.#writer = deps.writer
    this.#snapshot = deps.snapshot
    this.#clock = deps.clock
    this.#next = deps.ring.nextSerial
  }

  /** Opens the stream: goes on after `lastEventId` where that is possible, else starts over. */
  open(lastEventId: string | null): void {
    this.#write(`retry: 2000\n\n`)
    const resumed = lastEventId === null ? null : this.#ring.serialAfter(lastEventId)
    if (resumed !== null) this.#next = resumed
    else this.#startOver(lastEventId === null ? 'hello' : 'reset')
    this.pump()
  }

  /** Writes what is new, as far as the socket takes it. */
  pump(): void {
    while (this.#blockedSince === null && this.#next < this.#ring.nextSerial) {
      const frame = this.#ring.at(this.#next)
      if (frame === undefined) {
        this.#startOver('reset')
        return
      }
      this.#next += 1
      this.#write(frame.text)
      failpoint('api.between-events')
    }
  }

  /** A comment keeps proxies from closing an idle stream. */
  heartbeat(): void {
    if (this.#blockedSince === null) this.#write(': still here\n\n')
  }

  drained(): void {
    this.#blockedSince = null
    this.pump()
  }

  /** Epoch ms since which the socket takes nothing, or null. */
  get blockedSince(): number | null {
    return this.#blockedSince
  }

  end(): void {
    this.#writer.end()
  }

  /** For a client that has read nothing for too long: `end` would wait for it. */
  destroy(): void {
    this.#writer.destroy()
  }

  #startOver(event: 'hello' | 'reset'): void {
    this.#next = this.#ring.nextSerial
    const id = this.#ring.idOf(this.#next - 1)
    // The time lets a reader whose clock is wrong still tell how old things are.
    const data = JSON.stringify({ now: isoTime(this.#clock.now()) })
    this.#write(`id: ${id}\nevent: ${event}\ndata: ${data}\n\n${this.#snapshot().join('')}`)
  }

  #write(text: string): void {
    if (!this.#writer.write(text)) this.#blockedSince ??= this.#clock.now()
  }
}

import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Line } from './line.ts'

/** A request kept back: it arrives later, whether or not its sender still waits for it. */
export class Hold {
  readonly #targetPort: number
  readonly #forMs: number
  readonly #cutSender: boolean
  readonly #held = Promise.withResolvers<undefined>()
  readonly #released = Promise.withResolvers<Buffer | null>()
  readonly #early = new AbortController()

  constructor(options: { targetPort: number; forMs: number; cutSender: boolean }) {
    this.#targetPort = options.targetPort
    this.#forMs = options.forMs
    this.#cutSender = options.cutSender
  }

  /** Resolves when a request is held. */
  get held(): Promise<undefined> {
    return this.#held.promise
  }

  /**
   * Resolves when the request has gone on: with the reply when it travelled alone (its connection was gone, so nobody else
   * got it; empty when the server closed instead), with null when it went its usual way.
   */
  get released(): Promise<Buffer | null> {
    return this.#released.promise
  }

  /** Lets the request go before its time. */
  release(): void {
    this.#early.abort()
  }

  /** True: the request goes on by the line it came on. Called by the proxy. */
  async keep(line: Line, request: Buffer): Promise<boolean> {
    const copy = Buffer.from(request)
    this.#held.resolve(undefined)
    if (this.#cutSender) line.reset()
    await sleep(this.#forMs, undefined, { signal: this.#early.signal }).catch(() => undefined)
    if (!line.isClosed) {
      this.#released.resolve(null)
      return true
    }
    this.#released.resolve(await sendAlone(this.#targetPort, copy))
    return false
  }
}

const replyLimitMs = 10_000

/** Sends a request on a connection of its own and gives what came back, at most one piece. */
async function sendAlone(port: number, request: Buffer): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  try {
    socket.write(request)
    const signal = AbortSignal.timeout(replyLimitMs)
    const closed = once(socket, 'close', { signal }).then(() => [Buffer.alloc(0)])
    const [reply] = (await Promise.race([once(socket, 'data', { signal }), closed])) as [Buffer]
    return reply
  } catch {
    return Buffer.alloc(0)
  } finally {
    socket.destroy()
  }
}

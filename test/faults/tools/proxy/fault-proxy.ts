import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { apiKeyOf, chunkSplitter, frameSplitter, replyId, requestId } from './frames.ts'
import { Hold } from './hold.ts'
import { Line, type Direction } from './line.ts'
import type { Behaviour } from './pipe.ts'

interface FaultProxyOptions {
  /** Where clients are sent; a free port when not given. */
  readonly listenPort?: number
  readonly targetPort: number
  /** Kafka is understood frame by frame; of everything else only the bytes. */
  readonly protocol: 'kafka' | 'bytes'
  /** In [0, 1), for the jitter. */
  readonly random?: () => number
}

/** What the proxy did, since it was started. */
interface ProxyCounts {
  readonly connections: number
  /** Connections reset by `resetAll`, on arrival or because bytes of them had been dropped. */
  readonly resets: number
  readonly cuts: number
  readonly lostReplies: number
  readonly heldRequests: number
  readonly bytesToServer: number
  readonly bytesToClient: number
  readonly bytesDropped: number
}

/** Which request: by Kafka's number of the operation, or by a text within it; any when neither is given. */
export interface RequestMatch {
  readonly apiKey?: number
  readonly containing?: string
}

interface LostReply {
  readonly match: RequestMatch
  readonly done: PromiseWithResolvers<undefined>
  /** The request passed here; its reply is the one to be lost. */
  sent: { readonly line: Line; readonly id: number | null } | null
}

/**
 * A TCP proxy on loopback that does to connections what networks do, switched while it runs. Behaviours last until the next
 * one; losing a reply and holding a request happen once for each call.
 */
export class FaultProxy {
  readonly #options: FaultProxyOptions
  readonly #server: Server
  readonly #lines = new Set<Line>()
  readonly #behaviours: Record<Direction, Behaviour> = {
    'to server': { kind: 'pass' },
    'to client': { kind: 'pass' },
  }
  #isRefusing = false
  #lostReplies: LostReply[] = []
  #holds: { readonly apiKey: number; readonly hold: Hold }[] = []
  #ended = { bytesToServer: 0, bytesToClient: 0, bytesDropped: 0 }
  #counts = { connections: 0, resets: 0, cuts: 0, lostReplies: 0, heldRequests: 0 }

  private constructor(options: FaultProxyOptions) {
    this.#options = options
    this.#server = createServer({ allowHalfOpen: true }, (near) => {
      this.#accept(near)
    })
  }

  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options)
    proxy.#server.listen(options.listenPort ?? 0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Also for connections that are open already. */
  behave(direction: Direction | 'both', behaviour: Behaviour): void {
    const directions: readonly Direction[] =
      direction === 'both' ? ['to server', 'to client'] : [direction]
    for (const one of directions) {
      this.#behaviours[one] = behaviour
      for (const line of [...this.#lines].filter(({ isClosed }) => !isClosed)) {
        line.behave(one, behaviour)
        if (line.isClosed) this.#counts.resets += 1
      }
    }
  }

  /** Resets every connection that is open; gives how many those were. */
  resetAll(): number {
    const lines = [...this.#lines].filter(({ isClosed }) => !isClosed)
    for (const line of lines) line.reset()
    this.#counts.resets += lines.length
    return lines.length
  }

  /** While true, new connections are reset as soon as they are made. */
  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing
  }

  /**
   * The next request that matches reaches the server; instead of its reply the client gets a reset. Resolves when it has
   * happened. Where only bytes are known the first bytes after the request count as its reply.
   */
  loseNextReply(match: RequestMatch = {}): Promise<undefined> {
    const done = Promise.withResolvers<undefined>()
    this.#lostReplies.push({ match, done, sent: null })
    return done.promise
  }

  /**
   * Keeps the next request of this kind back for `forMs`. With `cutSender` its connection is reset at once, so that the client
   * goes on; the request arrives later all the same, on a connection of its own. Kafka only.
   */
  holdNext(apiKey: number, options: { forMs: number; cutSender: boolean }): Hold {
    const hold = new Hold({ targetPort: this.#options.targetPort, ...options })
    this.#holds.push({ apiKey, hold })
    return hold
  }

  /** Forgets losses and holds that have not begun, and lets everything pass again. */
  calm(): void {
    this.#lostReplies = this.#lostReplies.filter(({ sent }) => sent !== null)
    this.#holds = []
    this.#isRefusing = false
    this.behave('both', { kind: 'pass' })
  }

  counts(): ProxyCounts {
    const bytes = { ...this.#ended }
    for (const line of this.#lines) addBytes(bytes, line)
    return { ...this.#counts, ...bytes }
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const line of this.#lines) line.close()
    await closed
  }

  #accept(near: Socket): void {
    this.#counts.connections += 1
    near.on('error', () => undefined)
    if (this.#isRefusing) {
      this.#counts.resets += 1
      near.resetAndDestroy()
      return
    }
    const { targetPort, protocol, random = Math.random } = this.#options
    const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    const line = new Line({
      near,
      far,
      random,
      splitter: protocol === 'kafka' ? frameSplitter : chunkSplitter,
      behaviour: (direction) => this.#behaviours[direction],
      admit: (of, direction, piece) =>
        direction === 'to server' ? this.#admitRequest(of, piece) : this.#admitReply(of, piece),
      onCut: () => {
        this.#counts.cuts += 1
      },
    })
    this.#lines.add(line)
    void line.run().finally(() => {
      this.#lines.delete(line)
      addBytes(this.#ended, line)
      // It ended before its reply came: the next request that matches takes its place.
      for (const lost of this.#lostReplies) if (lost.sent?.line === line) lost.sent = null
    })
  }

  #admitRequest(line: Line, piece: Buffer): Promise<boolean> | boolean {
    const lost = this.#lostReplies.find(
      ({ sent, match }) => sent === null && this.#matches(match, piece),
    )
    if (lost !== undefined) {
      lost.sent = { line, id: this.#options.protocol === 'kafka' ? requestId(piece) : null }
    }
    if (this.#options.protocol !== 'kafka') return true
    const held = this.#holds.find(({ apiKey }) => apiKey === apiKeyOf(piece))
    if (held === undefined) return true
    this.#holds = this.#holds.filter((other) => other !== held)
    this.#counts.heldRequests += 1
    return held.hold.keep(line, piece)
  }

  #admitReply(line: Line, piece: Buffer): boolean {
    const lost = this.#lostReplies.find(
      ({ sent }) => sent?.line === line && (sent.id === null || sent.id === replyId(piece)),
    )
    if (lost === undefined) return true
    this.#lostReplies = this.#lostReplies.filter((other) => other !== lost)
    this.#counts.lostReplies += 1
    line.reset()
    lost.done.resolve(undefined)
    return false
  }

  #matches({ apiKey, containing }: RequestMatch, piece: Buffer): boolean {
    if (apiKey !== undefined && apiKey !== apiKeyOf(piece)) return false
    return containing === undefined || piece.includes(containing)
  }
}

function addBytes(
  to: { bytesToServer: number; bytesToClient: number; bytesDropped: number },
  line: Line,
) {
  const toServer = line.bytes('to server')
  const toClient = line.bytes('to client')
  to.bytesToServer += toServer.delivered
  to.bytesToClient += toClient.delivered
  to.bytesDropped += toServer.swallowed + toClient.swallowed
}

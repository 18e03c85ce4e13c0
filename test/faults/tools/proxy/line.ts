import type { Socket } from 'node:net'
import type { Splitter } from './frames.ts'
import { Pipe, type Behaviour } from './pipe.ts'

export type Direction = 'to server' | 'to client'

interface LineOptions {
  readonly near: Socket
  readonly far: Socket
  readonly random: () => number
  readonly splitter: () => Splitter
  readonly behaviour: (direction: Direction) => Behaviour
  /** Decides about a piece before it is delivered; false: it is not. */
  readonly admit: (line: Line, direction: Direction, piece: Buffer) => Promise<boolean> | boolean
  readonly onCut: () => void
}

/** One client's connection through the proxy, and the one to the server that belongs to it. */
export class Line {
  readonly #options: LineOptions
  readonly #pipes: Readonly<Record<Direction, Pipe>>
  isClosed = false

  constructor(options: LineOptions) {
    this.#options = options
    const { near, far, random } = options
    const onCut = (): void => {
      options.onCut()
      this.reset()
    }
    this.#pipes = {
      'to server': new Pipe(options.behaviour('to server'), { to: far, random, onCut }),
      'to client': new Pipe(options.behaviour('to client'), { to: near, random, onCut }),
    }
  }

  /** Resolves when both directions have ended, however. */
  async run(): Promise<void> {
    const { near, far } = this.#options
    for (const socket of [near, far]) {
      socket.setNoDelay(true)
      // An error is followed by a close; the peer learns of it like this.
      socket.on('error', () => undefined)
      socket.once('close', () => {
        if (socket.errored !== null) this.reset()
      })
    }
    await Promise.all([
      this.#pump(near, 'to server').catch(() => {
        this.reset()
      }),
      this.#pump(far, 'to client').catch(() => {
        this.reset()
      }),
    ])
    this.close()
  }

  behave(direction: Direction, behaviour: Behaviour): void {
    const pipe = this.#pipes[direction]
    // Bytes are missing in what the other side has: it must not get more of it.
    if (pipe.swallowedBytes > 0 && behaviour.kind !== 'black hole') this.reset()
    pipe.behave(behaviour)
  }

  bytes(direction: Direction): { readonly delivered: number; readonly swallowed: number } {
    const { deliveredBytes, swallowedBytes } = this.#pipes[direction]
    return { delivered: deliveredBytes, swallowed: swallowedBytes }
  }

  /** Both sides get a reset. */
  reset(): void {
    for (const socket of [this.#options.near, this.#options.far]) {
      if (!socket.destroyed) socket.resetAndDestroy()
    }
    this.close()
  }

  close(): void {
    this.isClosed = true
    for (const pipe of Object.values(this.#pipes)) pipe.close()
    for (const socket of [this.#options.near, this.#options.far]) socket.destroy()
  }

  async #pump(from: Socket, direction: Direction): Promise<void> {
    const split = this.#options.splitter()
    const pipe = this.#pipes[direction]
    for await (const chunk of from.iterator({ destroyOnReturn: false })) {
      for (const piece of split(chunk as Buffer)) {
        await pipe.whileStalled()
        if (this.isClosed) return
        if (await this.#options.admit(this, direction, piece)) await pipe.deliver(piece)
      }
    }
    await pipe.end()
  }
}

/** One server-sent event, encoded once for all clients. */
export interface Frame {
  readonly serial: number
  /** `event:` and `data:`, for those who start over. */
  readonly content: string
  /** The same with its `id:`. */
  readonly text: string
}

/**
 * The newest frames, so that a client that comes back, or one that reads slowly, can go on where it was. The oldest leave.
 * Ids are `<boot>-<serial>`: those of another process are recognised and refused.
 */
export class FrameRing {
  readonly #boot: string
  readonly #capacity: number
  readonly #frames: (Frame | undefined)[]
  #next = 1

  constructor(options: { readonly boot: string; readonly capacity: number }) {
    this.#boot = options.boot
    this.#capacity = options.capacity
    this.#frames = new Array<Frame | undefined>(options.capacity)
  }

  /** The serial that the next frame will have. */
  get nextSerial(): number {
    return this.#next
  }

  add(event: string, data: unknown): Frame {
    const serial = this.#next
    const content = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
    const frame = { serial, content, text: `id: ${this.idOf(serial)}\n${content}` }
    this.#frames[serial % this.#capacity] = frame
    this.#next += 1
    return frame
  }

  /** The frame with this serial, or undefined where it has left or has not come. */
  at(serial: number): Frame | undefined {
    const frame = this.#frames[serial % this.#capacity]
    return frame?.serial === serial ? frame : undefined
  }

  idOf(serial: number): string {
    return `${this.#boot}-${serial}`
  }

  /** The serial after the frame that a client saw last, or null where it cannot go on from there. */
  serialAfter(lastEventId: string): number | null {
    const match = /^(?<boot>[a-z0-9]+)-(?<serial>\d{1,15})$/.exec(lastEventId)
    if (match?.groups?.['boot'] !== this.#boot) return null
    const next = Number(match.groups['serial']) + 1
    const isThere = next === this.#next || this.at(next) !== undefined
    return isThere ? next : null
  }
}

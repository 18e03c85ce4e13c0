import { generate } from 'mqtt-packet'
import type { IPublishPacket, MqttClient } from 'mqtt'
import { FaultlineError, messageOf } from '../errors/index.ts'

export interface MqttMessage {
  readonly topic: string
  readonly payload: Buffer
}

interface DeliveryOptions {
  readonly client: MqttClient
  readonly protocolVersion: 4 | 5
  readonly inFlightMax: number
  readonly inFlightBytesMax: number
  readonly signal: AbortSignal
  readonly take: (message: MqttMessage) => Promise<void>
  /** Resolves when the connection is closed, with what was the matter. */
  readonly closed: Promise<Error>
}

// The client hands over one packet after the other, and acknowledges a message itself unless the callback gets an error; the
// error is looked at nowhere else (handlers/publish.js). Waiting there for each message would cost a transaction a message.
const notYet = new Error('it is acknowledged later')

/** The messages of one connection on their way: many at a time, acknowledged in the order in which they came. */
export class Delivery {
  /** Settles when the connection is closed and nothing is on its way any more. */
  readonly ended: Promise<void>
  readonly #options: DeliveryOptions
  #acknowledged: Promise<void> = Promise.resolve()
  #held = 0
  #heldBytes = 0
  #isStopped = false
  #isClosed = false
  #isGathering = false
  #failure: { readonly error: unknown } | undefined
  /** Lets the next packet come; there while too much is held. */
  #next: (() => void) | undefined

  constructor(options: DeliveryOptions) {
    this.#options = options
    options.client.handleMessage = (packet, next) => {
      this.#onMessage(packet, () => {
        next(notYet)
      })
    }
    this.ended = this.#end()
  }

  /** Takes nothing any more; resolves when what was taken is acknowledged. */
  async drain(): Promise<void> {
    this.#stop()
    await this.#acknowledged
  }

  #onMessage(packet: IPublishPacket, next: () => void): void {
    if (this.#isStopped) {
      // Not acknowledged: it stays the broker's. What follows it may be the answer to a ping.
      next()
      return
    }
    const { topic, retain } = packet
    const payload = Buffer.isBuffer(packet.payload) ? packet.payload : Buffer.from(packet.payload)
    this.#held += 1
    this.#heldBytes += payload.length
    // A retained message is an old one that the broker hands to whoever subscribes.
    const taken = retain ? Promise.resolve() : this.#options.take({ topic, payload })
    // Looked at when its turn comes.
    taken.catch(() => undefined)
    this.#acknowledged = this.#acknowledged.then(async () => {
      await taken.then(
        () => {
          this.#acknowledge(packet)
        },
        (error: unknown) => {
          this.#fail(error)
        },
      )
      this.#held -= 1
      this.#heldBytes -= payload.length
      if (!this.#isFull) this.#goOn()
    })
    if (this.#isFull) this.#next = next
    else next()
  }

  get #isFull(): boolean {
    const { inFlightMax, inFlightBytesMax } = this.#options
    return this.#held >= inFlightMax || this.#heldBytes >= inFlightBytesMax
  }

  #goOn(): void {
    const next = this.#next
    this.#next = undefined
    next?.()
  }

  #acknowledge({ qos, messageId }: IPublishPacket): void {
    const { client, protocolVersion } = this.#options
    if (qos !== 1 || messageId === undefined) return
    if (this.#isClosed || this.#failure !== undefined) return
    this.#gatherWrites()
    client.stream.write(generate({ cmd: 'puback', messageId, reasonCode: 0 }, { protocolVersion }))
  }

  /** The messages of a commit are acknowledged in one turn, and the broker is told in one write. */
  #gatherWrites(): void {
    if (this.#isGathering) return
    this.#isGathering = true
    const { stream } = this.#options.client
    stream.cork()
    setImmediate(() => {
      this.#isGathering = false
      stream.uncork()
    })
  }

  #stop(): void {
    this.#isStopped = true
    this.#goOn()
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    if (this.#isStopped) return
    this.#stop()
    this.#options.client.end(true)
  }

  async #end(): Promise<void> {
    const { closed, signal } = this.#options
    const why = await closed
    this.#isClosed = true
    await this.drain()
    if (signal.aborted) return
    if (this.#failure !== undefined) throw this.#failure.error
    throw brokerUnavailable(why)
  }
}

export function brokerUnavailable(error: unknown): FaultlineError {
  return new FaultlineError('BROKER_UNAVAILABLE', `the MQTT broker: ${messageOf(error)}`, {
    cause: error,
    remedy: 'Check that the broker of MQTT_URL runs, can be reached, and lets this client in.',
  })
}

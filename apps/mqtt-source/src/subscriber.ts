import type { Patience } from '@faultline/ingest/patience'
import type { Clock } from '@faultline/runtime/clock'
import { isFaultlineError } from '@faultline/runtime/errors'
import type { Logger } from '@faultline/runtime/logging'
import { subscribeMqtt, type MqttMessage } from '@faultline/runtime/mqtt'
import type { MqttSourceConfig } from './config.ts'
import type { MessageIntake } from './message-intake.ts'

/** Bytes of the messages on their way at most, however few they are. */
const inFlightBytesMax = 16 * 1_048_576
/** Two clients of one name throw each other out again and again: not as fast as they can. */
const reconnectPauseMs = 1_000
/** What the broker has to send again comes first; after this it is all there. */
const settledAfterMs = 600_000

interface SubscriberOptions {
  readonly config: MqttSourceConfig
  readonly clock: Clock
  readonly logger: Logger
  readonly patience: Patience
  readonly signal: AbortSignal
  readonly intake: Pick<MessageIntake, 'take'>
}

/** One subscription after the other, until the signal. */
export class Subscriber {
  readonly #options: SubscriberOptions
  #held = 0
  #connectedMs: number | undefined

  constructor(options: SubscriberOptions) {
    this.#options = options
  }

  /** Messages taken and not safe yet. */
  get held(): number {
    return this.#held
  }

  get isConnected(): boolean {
    return this.#connectedMs !== undefined
  }

  /** Whether nothing is left that the broker sends again after a connection that broke. */
  get isSettled(): boolean {
    const since = this.#connectedMs
    return since !== undefined && this.#options.clock.now() - since >= settledAfterMs
  }

  /** Resolves once the signal aborts; rejects with what does not pass by itself. */
  async run(): Promise<void> {
    const { clock, signal } = this.#options
    try {
      for (;;) {
        await this.#subscribe()
        await clock.sleep(reconnectPauseMs, signal)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  /** Resolves when the connection has ended. */
  async #subscribe(): Promise<void> {
    const { config, clock, logger, patience, signal } = this.#options
    const { brokerUrl, clientId, template, inFlightMax } = config
    const subscription = await patience.until('the MQTT broker', () =>
      subscribeMqtt({
        url: brokerUrl,
        clientId,
        filter: template.filter,
        inFlightMax,
        inFlightBytesMax,
        signal,
        take: (message) => this.#take(message),
      }),
    )
    this.#connectedMs = clock.now()
    if (subscription.wasResumed) logger.info('the broker kept what came meanwhile')
    else logger.warn('the broker did not know this client: it kept nothing of before')
    try {
      await subscription.ended
    } catch (error) {
      if (!isFaultlineError(error, 'BROKER_UNAVAILABLE')) throw error
      logger.warn({ err: error }, 'the connection to the broker ended')
    } finally {
      this.#connectedMs = undefined
    }
  }

  async #take(message: MqttMessage): Promise<void> {
    this.#held += 1
    try {
      await this.#options.intake.take(message)
    } finally {
      this.#held -= 1
    }
  }
}

import { FaultlineError, isFaultlineError } from '@faultline/runtime/errors'
import type { Clock } from '@faultline/runtime/clock'
import type { Logger } from '@faultline/runtime/logging'
import { FrameRing } from './frame-ring.ts'
import { LiveClient, type StreamWriter } from './live-client.ts'
import type { LiveReader } from './live-reader.ts'

export interface LiveSettings {
  /** Pause between two readings. */
  readonly turnMs: number
  readonly heartbeatMs: number
  /** A client whose socket takes nothing for this long is dropped. */
  readonly blockedMaxMs: number
  readonly clientsMax: number
  /** Frames kept for clients that come back. */
  readonly ringFrames: number
}

export const liveSettings: LiveSettings = {
  turnMs: 250,
  heartbeatMs: 15_000,
  blockedMaxMs: 60_000,
  clientsMax: 500,
  ringFrames: 512,
}

interface LiveHubDeps {
  readonly reader: LiveReader
  readonly clock: Clock
  readonly logger: Logger
  readonly settings: LiveSettings
  /** Told at every change. */
  readonly onClients: (count: number) => void
  /** Something that no retry repairs. */
  readonly fail: (error: unknown) => void
}

/**
 * Server-sent events for everyone from one reader, which runs only while somebody listens. While the serving store is away
 * clients keep their stream and are told `unavailable`; they see `progress` again once it is back.
 */
export class LiveHub {
  readonly #deps: LiveHubDeps
  readonly #ring: FrameRing
  readonly #clients = new Set<LiveClient>()
  /** The newest frame of each kind: what a new client is given at once. */
  readonly #present = new Map<string, string>()
  readonly #closing = new AbortController()
  #running: Promise<void> | undefined
  #isAway = false

  constructor(deps: LiveHubDeps) {
    this.#deps = deps
    const boot = deps.clock.now().toString(36)
    this.#ring = new FrameRing({ boot, capacity: deps.settings.ringFrames })
  }

  /** @throws FaultlineError RATE_LIMITED where too many listen already */
  join(writer: StreamWriter, lastEventId: string | null): LiveClient {
    if (this.#clients.size >= this.#deps.settings.clientsMax || this.#closing.signal.aborted) {
      throw new FaultlineError('RATE_LIMITED', 'Too many streams are open.')
    }
    const client = new LiveClient({
      ring: this.#ring,
      writer,
      snapshot: () => [...this.#present.values()],
      clock: this.#deps.clock,
    })
    this.#clients.add(client)
    this.#deps.onClients(this.#clients.size)
    // A run that begins forgets the old present, so it has to begin before the client is shown any.
    this.#running ??= this.#run().catch(this.#deps.fail)
    client.open(lastEventId)
    return client
  }

  leave(client: LiveClient): void {
    if (this.#clients.delete(client)) this.#deps.onClients(this.#clients.size)
  }

  /** Ends every stream; clients come back by themselves to the process that follows. */
  async stop(): Promise<void> {
    this.#closing.abort(new Error('the live stream is closing'))
    for (const client of this.#clients) client.end()
    this.#clients.clear()
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, settings, reader } = this.#deps
    // What the last run told is old by now, so the next turn tells everything; frames of the old present are dropped.
    reader.startOver()
    this.#present.clear()
    let heartbeatAt = clock.now() + settings.heartbeatMs
    while (this.#clients.size > 0 && !this.#closing.signal.aborted) {
      await this.#turn()
      for (const client of this.#clients) client.pump()
      if (clock.now() >= heartbeatAt) {
        heartbeatAt = clock.now() + settings.heartbeatMs
        this.#heartbeat()
      }
      await clock.sleep(settings.turnMs, this.#closing.signal).catch(() => undefined)
    }
    this.#running = undefined
  }

  async #turn(): Promise<void> {
    const { clock, logger, reader } = this.#deps
    try {
      const changes = await reader.turn(clock.now())
      if (changes.fleet !== undefined) this.#tell('fleet', 'fleet', changes.fleet)
      for (const { scope, data } of changes.rankings)
        this.#tell('ranking', `ranking:${scope}`, data)
      if (changes.devices !== undefined) this.#tell('devices', 'devices', changes.devices)
      if (changes.progress !== undefined) this.#tell('progress', 'progress', changes.progress)
      this.#isAway = false
    } catch (error) {
      if (!isFaultlineError(error, 'SERVING_STORE_UNAVAILABLE')) throw error
      if (!this.#isAway) {
        logger.warn({ err: error }, 'the live stream waits for the serving store')
        this.#present.set('progress', this.#ring.add('unavailable', { code: error.code }).content)
        reader.startOver()
      }
      this.#isAway = true
    }
  }

  #tell(event: string, part: string, data: unknown): void {
    this.#present.set(part, this.#ring.add(event, data).content)
  }

  #heartbeat(): void {
    const { clock, settings } = this.#deps
    for (const client of this.#clients) {
      const since = client.blockedSince
      if (since !== null && clock.now() - since > settings.blockedMaxMs) {
        client.destroy()
        this.leave(client)
      } else client.heartbeat()
    }
  }
}

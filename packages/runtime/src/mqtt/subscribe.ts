import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { FaultlineError } from '../errors/index.ts'
import { brokerUnavailable, Delivery, type MqttMessage } from './delivery.ts'

export type { MqttMessage } from './delivery.ts'

export interface MqttSubscription {
  /** Whether the broker kept what came while this client was away; false also where it sees the client for the first time. */
  readonly wasResumed: boolean
  /**
   * Settles when the connection has ended and every `take` with it: resolves after the signal, rejects otherwise, with
   * BROKER_UNAVAILABLE or with what a `take` threw.
   */
  readonly ended: Promise<void>
}

interface SubscribeOptions {
  /** `mqtt://[user:password@]host[:port]`, or `mqtts:` for TLS. */
  readonly url: string
  /** The broker keeps messages for a client by this name: always the same, and of one client at a time. */
  readonly clientId: string
  readonly filter: string
  /** Messages taken and not acknowledged yet, at most, and their bytes, but for one message. */
  readonly inFlightMax: number
  readonly inFlightBytesMax: number
  /** Ends the subscription: what is on its way is finished and acknowledged. */
  readonly signal: AbortSignal
  /** Resolves when the message is safe: only then it is acknowledged. Called in the order of arrival, for many at a time. */
  readonly take: (message: MqttMessage) => Promise<void>
}

const connectTimeoutMs = 10_000
const keepAliveSeconds = 30
/** The largest number means that the broker never forgets the client; a broker may allow less. */
const sessionNeverExpires = 0xffff_ffff
/** A broker that does not close its side is left alone after this. */
const closeTimeoutMs = 2_000
/** Codes of MQTT 3.1.1 and of MQTT 5 by which a broker says that it does not speak the version. */
const versionRefused: readonly unknown[] = [1, 0x84]
const grantedQos = 1

/**
 * Connects to a broker and subscribes with QoS 1, as a client for which the broker keeps what comes while it is away. MQTT 5, or 3.1.1
 * where the broker does not speak it. A connection that ended is not made again: what is not acknowledged comes again to the
 * next subscription, and an acknowledgement can never reach a connection in which its number means another message.
 * @throws FaultlineError BROKER_UNAVAILABLE
 */
export async function subscribeMqtt(options: SubscribeOptions): Promise<MqttSubscription> {
  try {
    return await open(options, 5)
  } catch (error) {
    const refusal = error instanceof FaultlineError ? error.cause : undefined
    if (!versionRefused.includes((refusal as { code?: unknown } | undefined)?.code)) throw error
    return open(options, 4)
  }
}

async function open(options: SubscribeOptions, protocolVersion: 4 | 5): Promise<MqttSubscription> {
  const { filter, signal } = options
  const client = connect(clientOptions(options, protocolVersion))
  const closed = closing(client)
  const delivery = new Delivery({ ...options, client, protocolVersion, closed })
  const end = () => {
    void delivery.drain().then(() => endClient(client))
  }
  signal.addEventListener('abort', end, { once: true })
  const ended = delivery.ended.finally(() => {
    signal.removeEventListener('abort', end)
  })
  // Whoever waits for the subscription hears of it; before that it is told below.
  ended.catch(() => undefined)
  client.connect()
  if (signal.aborted) end()
  try {
    const { sessionPresent } = await connected(client, closed)
    // Retained messages are old ones kept for newcomers: none is wanted (rh), and 3.1.1 marks those it sends.
    const granted = await client.subscribeAsync(filter, { qos: grantedQos, rh: 2 })
    if (granted.some(({ qos }) => qos !== grantedQos)) {
      throw new Error(`the broker does not grant QoS 1 for ${filter}`)
    }
    return { wasResumed: sessionPresent, ended }
  } catch (error) {
    client.end(true)
    await ended.catch(() => undefined)
    signal.throwIfAborted()
    throw brokerUnavailable(error)
  }
}

function clientOptions(
  { url, clientId, inFlightMax }: SubscribeOptions,
  protocolVersion: 4 | 5,
): IClientOptions {
  const { protocol, hostname, port, username, password } = new URL(url)
  return {
    protocol: protocol === 'mqtts:' ? 'mqtts' : 'mqtt',
    // The brackets of an IPv6 address belong to the URL.
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    ...(port === '' ? {} : { port: Number(port) }),
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    clientId,
    protocolVersion,
    clean: false,
    keepalive: keepAliveSeconds,
    connectTimeout: connectTimeoutMs,
    // Never by itself: see subscribeMqtt.
    reconnectPeriod: 0,
    resubscribe: false,
    // Not before the messages have somewhere to go.
    manualConnect: true,
    ...(protocolVersion === 5
      ? {
          properties: { sessionExpiryInterval: sessionNeverExpires, receiveMaximum: inFlightMax },
        }
      : {}),
  }
}

/** Resolves when the connection is closed, with what was the matter. */
function closing(client: MqttClient): Promise<Error> {
  let why: Error | undefined
  client.on('error', (error) => {
    why ??= error
  })
  client.on('disconnect', ({ reasonCode }) => {
    why ??= new Error(`the broker ended the connection with reason ${reasonCode ?? 0}`)
  })
  return new Promise((resolve) => {
    client.once('close', () => {
      resolve(why ?? new Error('the connection was closed'))
    })
  })
}

async function connected(client: MqttClient, closed: Promise<Error>) {
  const answered = new Promise<{ sessionPresent: boolean }>((resolve) => {
    client.once('connect', ({ sessionPresent }) => {
      resolve({ sessionPresent })
    })
  })
  const failed = closed.then((error) => {
    throw error
  })
  return Promise.race([answered, failed])
}

async function endClient(client: MqttClient): Promise<void> {
  const late = setTimeout(() => {
    client.stream.destroy()
  }, closeTimeoutMs)
  // Where there is no connection yet, nothing has to be said.
  await client.endAsync(!client.connected).catch(() => undefined)
  clearTimeout(late)
}

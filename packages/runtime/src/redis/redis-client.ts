import { Redis, type ChainableCommander } from 'ioredis'
import type { Logger } from '../logging/index.ts'
import type { Started } from '../lifecycle/index.ts'
import { asServingStoreError, unavailable } from './errors.ts'

const connectTimeoutMs = 5_000
const commandTimeoutMs = 10_000
const reconnectDelayMs = { first: 50, max: 2_000 }

/** Commands that wait to be sent together. */
export type RedisTransaction = ChainableCommander

/**
 * One connection to Redis. It reconnects by itself for ever, queues nothing while it is away, and sends nothing twice: a
 * command that was under way when the connection broke fails, and the caller decides.
 */
export class RedisClient {
  readonly #redis: Redis

  constructor(redis: Redis) {
    this.#redis = redis
  }

  /** Connected, and the server has loaded its data. */
  isReady(): boolean {
    return this.#redis.status === 'ready'
  }

  /**
   * Runs commands. `operation` names them in errors.
   * @throws FaultlineError SERVING_STORE_UNAVAILABLE, CONFIG_INVALID (access refused); an unknown reply as it came
   */
  async run<T>(operation: string, work: (redis: Redis) => Promise<T>): Promise<T> {
    if (!this.isReady()) throw unavailable(undefined, operation, 'not connected')
    try {
      return await work(this.#redis)
    } catch (error) {
      throw asServingStoreError(error, operation)
    }
  }

  /** Sends commands together and gives their replies in order; the first that failed fails them all. Throws like `run`. */
  async runTogether(
    operation: string,
    queue: (pipeline: ChainableCommander) => void,
  ): Promise<readonly unknown[]> {
    return await this.run(operation, (redis) => repliesOf(redis.pipeline(), queue))
  }

  /** The same as one transaction: nobody else's command, and no SWAPDB, comes in between. */
  async runAtomically(
    operation: string,
    queue: (transaction: RedisTransaction) => void,
  ): Promise<readonly unknown[]> {
    return await this.run(operation, (redis) => repliesOf(redis.multi(), queue))
  }

  /**
   * Commands as one transaction, with their replies in order. One that the server refused, as it does with a key of another type,
   * stands there as its Error. Throws like `run`.
   */
  async readAtomically(
    operation: string,
    commands: readonly (readonly (string | number)[])[],
  ): Promise<readonly unknown[]> {
    return await this.run(operation, async (redis) => {
      const queue = commands.map((command) => [...command])
      const replies = (await redis.multi(queue).exec()) ?? []
      return replies.map(([error, reply]) => error ?? reply)
    })
  }
}

async function repliesOf(
  commands: ChainableCommander,
  queue: (commands: ChainableCommander) => void,
): Promise<readonly unknown[]> {
  queue(commands)
  const replies = (await commands.exec()) ?? []
  return replies.map(([error, reply]) => {
    if (error !== null) throw error
    return reply
  })
}

interface RedisOptions {
  /** redis:// or rediss://, with user, password and database number where needed. */
  readonly url: string
  /** Shown by CLIENT LIST. */
  readonly clientName: string
  readonly logger: Logger
}

/** Connects to Redis. Resolves after the first attempt, also where it failed: the client keeps trying and says so by isReady. */
export async function connectRedis(options: RedisOptions): Promise<Started<RedisClient>> {
  const redis = new Redis(options.url, {
    lazyConnect: true,
    connectionName: options.clientName,
    disableClientInfo: true,
    // RESP2: what redis-cli users and Redis 6.2 know; none of our replies needs more.
    protocol: 2,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableReadyCheck: true,
    retryStrategy: (attempt) =>
      Math.min(reconnectDelayMs.first * 2 ** Math.min(attempt, 10), reconnectDelayMs.max) *
      (0.5 + Math.random() / 2),
  })
  redis.on('error', (error: Error) => {
    options.logger.warn({ reason: error.message }, 'Redis connection failed; trying again')
  })
  redis.on('ready', () => {
    options.logger.info('connected to Redis')
  })
  await redis.connect().catch(() => undefined)
  return {
    value: new RedisClient(redis),
    stop: () => {
      redis.disconnect()
      return Promise.resolve()
    },
  }
}

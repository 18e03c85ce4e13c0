import { Readable } from 'node:stream'
import { createClient, type ClickHouseClient, type ClickHouseSettings } from '@clickhouse/client'
import { watchInserts } from '../failpoints/sent-requests.ts'
import type { Started } from '../lifecycle/index.ts'
import { fromClickhouse } from './errors.ts'

/** A statement; values go into `{name:Type}` placeholders, never into the text. */
export interface ClickhouseStatement {
  readonly sql: string
  readonly parameters?: Readonly<Record<string, unknown>>
  readonly settings?: ClickHouseSettings
}

interface ClickhouseOptions {
  /** http://user:password@host:port, CLICKHOUSE_URL. */
  readonly url: string
  /** Shown in the server's query log. */
  readonly clientName: string
  /** The longest a request may take. */
  readonly requestTimeoutMs: number
}

const connectionsMax = 8

/** Rows are acknowledged when they are stored, not when they are queued. */
const always: ClickHouseSettings = { async_insert: 0 }

/**
 * Requests to ClickHouse. No request is sent twice, each has a deadline, and nothing is queued here beyond the connections.
 * All methods throw WAREHOUSE_UNAVAILABLE, CONFIG_INVALID (access refused), DISK_FULL; other errors of the server as they
 * came. `operation` names the request in errors. After an error the server may still be working on the request.
 */
export class ClickhouseClient {
  readonly #client: ClickHouseClient
  readonly #timeoutMs: number
  readonly #until: AbortSignal | undefined

  /** @param until ends requests early, as their deadline would */
  constructor(client: ClickHouseClient, requestTimeoutMs: number, until?: AbortSignal) {
    this.#client = client
    this.#timeoutMs = requestTimeoutMs
    this.#until = until
  }

  /** The same connections for work that is given up when `signal` aborts: requests under way throw WAREHOUSE_UNAVAILABLE. */
  until(signal: AbortSignal): ClickhouseClient {
    return new ClickhouseClient(this.#client, this.#timeoutMs, signal)
  }

  /** Whether the server answers at all, which takes it no thought and a moment even while it works on a long statement. */
  async isAnswering(withinMs: number): Promise<boolean> {
    const abort_signal = AbortSignal.timeout(withinMs)
    const { success } = await this.#client.ping({ select: false, abort_signal })
    return success
  }

  /** Rows of a SELECT, each an object by column name. The answer is held in memory: give the statement a LIMIT. */
  async rows<T>(operation: string, statement: ClickhouseStatement): Promise<readonly T[]> {
    return await this.#request(operation, async (abort_signal) => {
      const result = await this.#client.query({
        query: statement.sql,
        format: 'JSONEachRow',
        query_params: { ...statement.parameters },
        clickhouse_settings: { ...always, ...statement.settings },
        abort_signal,
      })
      return await result.json<T>()
    })
  }

  /** A statement without an answer. */
  async run(operation: string, statement: ClickhouseStatement): Promise<void> {
    await this.#request(operation, async (abort_signal) => {
      await this.#client.command({
        query: statement.sql,
        query_params: { ...statement.parameters },
        clickhouse_settings: { ...always, ...statement.settings },
        abort_signal,
      })
    })
  }

  /** An INSERT … FORMAT X whose rows are given in that format. */
  async insert(
    operation: string,
    statement: ClickhouseStatement,
    body: readonly Buffer[],
  ): Promise<void> {
    await this.#request(operation, async (abort_signal) => {
      const { stream } = await this.#client.exec({
        query: statement.sql,
        values: Readable.from(body, { objectMode: false }),
        clickhouse_settings: { ...always, ...statement.settings },
        abort_signal,
      })
      stream.resume()
    })
  }

  async #request<T>(operation: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = AbortSignal.timeout(this.#timeoutMs)
    const signal = this.#until === undefined ? deadline : AbortSignal.any([deadline, this.#until])
    try {
      return await work(signal)
    } catch (error) {
      throw fromClickhouse(error, operation, signal.aborted)
    }
  }
}

/** Connects on first use; a server that is away shows at the first request. */
export function startClickhouse(options: ClickhouseOptions): Started<ClickhouseClient> {
  watchInserts()
  const client = createClient({
    url: options.url,
    application: options.clientName,
    // Our own deadline ends a request; the client's would come as an error without a code.
    request_timeout: options.requestTimeoutMs + 5_000,
    max_open_connections: connectionsMax,
    // Below the server's own time-out, so that a request never meets a connection just closed.
    keep_alive: { enabled: true, idle_socket_ttl: 2_500 },
    compression: { request: false, response: false },
    log: { level: 127 },
  })
  return {
    value: new ClickhouseClient(client, options.requestTimeoutMs),
    stop: () => client.close(),
  }
}

import { drainPending, Session } from 'chdb'
import { fromEngine, RequestRefused } from './exception.ts'
import { quote } from './request-parameters.ts'

/** A statement with everything it needs, independent of other requests. */
export interface Statement {
  readonly sql: string
  readonly database: string
  readonly format: string
  readonly parameters: ReadonlyMap<string, string>
  readonly settings: ReadonlyMap<string, string>
}

export interface StatementResult {
  readonly bytes: Uint8Array
  readonly elapsedMs: number
}

/**
 * Statements run at once. A connection runs one at a time on a thread of libuv's pool, which has four; one stays free for
 * files.
 */
const connectionsMax = 3
/** Requests that may wait for a connection; more are refused as a busy server does. */
const waitingMax = 200

/** Rows are acknowledged when they are in a part; a single statement may not take the machine's whole memory. */
const engineArguments = ['--async_insert=0', '--max_memory_usage=4000000000']

/** ClickHouse inside this process: one data folder, a few connections that requests borrow. */
export class Engine {
  readonly #connections: Session[]
  readonly #idle: Session[]
  readonly #waiting: ((connection: Session) => void)[] = []

  /** @throws ChdbConnectionError when the folder is in use or cannot be read */
  constructor(folder: string) {
    this.#connections = Array.from(
      { length: connectionsMax },
      () => new Session(folder, { connectionArgs: engineArguments }),
    )
    this.#idle = [...this.#connections]
  }

  /** @throws RequestRefused with ClickHouse's own error */
  async run(statement: Statement): Promise<StatementResult> {
    const connection = await this.#borrow()
    const applied = [...statement.settings.keys()]
    try {
      connection.query(`USE ${backquote(statement.database)}`)
      if (applied.length > 0) connection.query(`SET ${assignments(statement.settings)}`)
      for (const [name, value] of statement.parameters)
        connection.query(`SET param_${name} = ${quote(value)}`)
      const result = await connection.queryAsync(statement.sql, { format: statement.format })
      return { bytes: result.bytes(), elapsedMs: result.elapsed * 1_000 }
    } catch (error) {
      throw new RequestRefused(fromEngine(error instanceof Error ? error.message : String(error)))
    } finally {
      reset(connection, applied)
      this.#giveBack(connection)
    }
  }

  /** Ends all connections, and with them the engine, once the statements under way are done. */
  async close(): Promise<void> {
    for (const connection of this.#connections) connection.close()
    await drainPending()
  }

  #borrow(): Promise<Session> {
    const connection = this.#idle.pop()
    if (connection !== undefined) return Promise.resolve(connection)
    if (this.#waiting.length >= waitingMax) {
      return Promise.reject(
        new RequestRefused(
          fromEngine(
            'Code: 202. DB::Exception: Too many simultaneous queries (TOO_MANY_SIMULTANEOUS_QUERIES)',
          ),
        ),
      )
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #giveBack(connection: Session): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#idle.push(connection)
    else next(connection)
  }
}

function assignments(settings: ReadonlyMap<string, string>): string {
  return [...settings].map(([name, value]) => `${name} = ${quote(value)}`).join(', ')
}

/** A connection remembers its settings; the next borrower must not inherit them. One at a time: an unknown name was refused. */
function reset(connection: Session, names: readonly string[]): void {
  for (const name of names) {
    try {
      connection.query(`SET ${name} = DEFAULT`)
    } catch {
      // The setting does not exist, which was this request's error.
    }
  }
}

function backquote(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
}

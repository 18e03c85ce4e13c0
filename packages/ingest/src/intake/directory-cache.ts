import type { Clock } from '@faultline/runtime/clock'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import { readModelDirectory } from '../load/model-directory.ts'
import { ItemReader } from './item.ts'
import { PostgresSession, type Connect } from './postgres-session.ts'

/** What is known of models and devices is at most this old when an item is read by it. */
const ageMaxMs = 2_000

/** Reads items by what `device_models` and `device_catalog` say, which it reads again only where they have changed. */
export class DirectoryCache {
  readonly #session: PostgresSession<PostgresConnection>
  readonly #clock: Clock
  #reader: ItemReader | undefined
  #version = ''
  #checkedMs = Number.NEGATIVE_INFINITY
  #checking: Promise<ItemReader> | undefined

  constructor(connect: Connect, clock: Clock) {
    this.#session = new PostgresSession(connect, (connection) => connection)
    this.#clock = clock
  }

  /** @throws FaultlineError DATABASE_UNAVAILABLE */
  async reader(): Promise<ItemReader> {
    if (this.#reader !== undefined && this.#clock.now() - this.#checkedMs < ageMaxMs) {
      return this.#reader
    }
    this.#checking ??= this.#session
      .use((connection) => this.#check(connection))
      .finally(() => {
        this.#checking = undefined
      })
    return this.#checking
  }

  async close(): Promise<void> {
    await this.#checking?.catch(() => undefined)
    await this.#session.close()
  }

  async #check(connection: PostgresConnection): Promise<ItemReader> {
    const checkedMs = this.#clock.now()
    const version = await readVersion(connection)
    if (this.#reader === undefined || version !== this.#version) {
      this.#reader = new ItemReader(await readModelDirectory(connection))
      this.#version = version
    }
    this.#checkedMs = checkedMs
    return this.#reader
  }
}

/** Differs whenever a model or a device was added, changed or removed. */
async function readVersion(connection: PostgresConnection): Promise<string> {
  const [answer] = await connection.query<{ version: string }>(
    `select concat_ws(' ',
       (select md5(string_agg(model || channels::text, ' ' order by model)) from device_models),
       (select count(*) || ' ' || max(updated_at) from device_catalog)) as version`,
  )
  return answer?.version ?? ''
}

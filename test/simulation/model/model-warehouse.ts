import type { ClickhouseClient, ClickhouseStatement } from '@faultline/runtime/clickhouse'
import { FaultlineError } from '@faultline/runtime/errors'
import { clickhouseWriter } from '../../../apps/clickhouse-sink/src/warehouse/clickhouse-writer.ts'
import type {
  RefusedRecord,
  StoredMeasurement,
  WarehouseWriter,
} from '../../../apps/clickhouse-sink/src/warehouse/warehouse-writer.ts'
import { ConnectionError, Server, type Network, type Reply } from '../network.ts'
import type { SimProcess } from '../sim-process.ts'
import type { Tally } from '../tally.ts'

/** ClickHouse as the sink's writer uses it: INSERTs that are stored whole, deduplicated by token, and counts of offsets. */
export class ModelWarehouse extends Server {
  readonly #tally: Tally
  readonly #tokens = new Set<string>()
  readonly #rows = new Map<number, StoredMeasurement[]>()
  readonly refused = new Map<string, RefusedRecord>()

  constructor(tally: Tally) {
    super('warehouse')
    this.#tally = tally
  }

  rows(partition: number): StoredMeasurement[] {
    const rows = this.#rows.get(partition) ?? []
    this.#rows.set(partition, rows)
    return rows
  }

  insert(token: unknown, partition: number, rows: readonly StoredMeasurement[]): void {
    if (typeof token === 'string') {
      if (this.#tokens.has(token)) {
        this.#tally.add('refused: insert token known')
        return
      }
      this.#tokens.add(token)
    }
    this.rows(partition).push(...rows)
  }

  /** The product's writer, over a client that brings its statements here. */
  client(process: SimProcess, network: Network): WarehouseWriter {
    const ask = async <T>(name: string, answer: () => T): Promise<T> => {
      try {
        return await network.request(process, { to: this, name }, (reply: Reply<T>) => {
          reply.ok(answer())
        })
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error
        throw new FaultlineError('WAREHOUSE_UNAVAILABLE', 'ClickHouse did not answer')
      }
    }
    /** The body of an INSERT is bytes; `inserted` is what they hold. */
    const writer = (inserted: readonly StoredMeasurement[] = [], partition = 0): WarehouseWriter =>
      clickhouseWriter({
        migrate: () => Promise.resolve(),
        client: {
          rows: (operation: string, { parameters }: ClickhouseStatement) =>
            ask(operation, () => {
              const wanted = parameters as unknown as Parameters
              const offsets = this.rows(wanted.partition)
                .map(({ offset }) => offset)
                .filter((offset) => offset >= (wanted.from ?? wanted.start ?? 0))
                .filter((offset) => offset < (wanted.end ?? Infinity))
              const next = offsets.length === 0 ? 0 : Math.max(...offsets) + 1
              return [{ rows: String(offsets.length), next: String(next) }]
            }),
          insert: (operation: string, { settings }: ClickhouseStatement) =>
            ask(operation, () => {
              this.insert(settings?.insert_deduplication_token, partition, inserted)
            }),
        } as unknown as ClickhouseClient,
      })
    return {
      ...writer(),
      insertRange: (range, rows, again) =>
        writer(rows, range.partition).insertRange(range, rows, again),
      keepRefused: (records) =>
        ask('keepRefused', () => {
          for (const record of records) {
            this.refused.set(`${record.partition}/${record.offset}`, record)
          }
        }),
    }
  }
}

interface Parameters {
  readonly partition: number
  readonly from?: number
  readonly start?: number
  readonly end?: number
}

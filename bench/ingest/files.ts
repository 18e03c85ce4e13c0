import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import type { AppProcess } from '../../test/support/app-process.ts'
import { startCollector } from '../../test/support/collector-process.ts'
import { processorSeconds } from '../end-to-end/processor-time.ts'
import { endure, type Memory } from './endurance.ts'
import { frameBytes, makeFrames } from './frames.ts'

const framesPerFile = 10_000
/** What the collector does not take is not heaped up. */
const behindMax = 5 * framesPerFile

interface FilesOptions {
  readonly connection: PostgresConnection
  readonly databaseUrl: string
  readonly folder: string
  /** COLLECT_POINTS_MAX; undefined: the default. */
  readonly pointsMax: string | undefined
}

interface Collected {
  readonly seconds: number
  /** Processor time of the collector and of all of PostgreSQL's processes. */
  readonly collectorSeconds: number
  readonly postgresSeconds: number
}

interface Endurance {
  readonly minutes: number
  /** Frames a second; fewer where the collector does not take as many. Infinity: as many as it takes. */
  readonly rate: number
  readonly report: (line: string) => void
}

/** A collector of its own, and files for it. */
export class FilesBench {
  readonly #collector: AppProcess
  readonly #connection: PostgresConnection
  readonly #inbox: string
  #files = 0
  #given = 0

  private constructor(collector: AppProcess, connection: PostgresConnection, inbox: string) {
    this.#collector = collector
    this.#connection = connection
    this.#inbox = inbox
  }

  static async start(options: FilesOptions): Promise<FilesBench> {
    const { connection, databaseUrl, folder, pointsMax } = options
    const inbox = join(folder, 'inbox')
    mkdirSync(inbox)
    const env = pointsMax === undefined ? {} : { COLLECT_POINTS_MAX: pointsMax }
    const collector = await startCollector({ databaseUrl, folder, env })
    return new FilesBench(collector, connection, inbox)
  }

  async stop(): Promise<void> {
    await this.#collector.kill('SIGTERM')
  }

  /** From the moment the files lie in the folder until all their rows are committed. */
  async collect(records: Buffer): Promise<Collected> {
    await this.#connection.query('truncate raw_measurements')
    const names = this.#writeAside(records)
    await this.#connection.query('checkpoint')
    const before = await this.#processorSeconds()
    const startedMs = performance.now()
    this.#hand(names)
    while ((await this.#committed()) < this.#given) await delay(5)
    const seconds = (performance.now() - startedMs) / 1_000
    const after = await this.#processorSeconds()
    return {
      seconds,
      collectorSeconds: after.collector - before.collector,
      postgresSeconds: after.postgres - before.postgres,
    }
  }

  /** Gives files at a rate while the memory of the collector is watched. */
  async endure({
    minutes,
    rate,
    report,
  }: Endurance): Promise<Memory & { readonly frames: number }> {
    const records = makeFrames(framesPerFile)
    const startedMs = performance.now()
    const start = this.#given
    let behind = 0
    const memory = await endure(
      {
        minutes,
        report,
        megabytes: async () => (await this.#metric('process_resident_memory_bytes')) / 1e6,
        empty: () => this.#connection.query('truncate raw_measurements'),
        progress: () => `${this.#given - start - behind} frames`,
      },
      async (isOver) => {
        while (!isOver()) {
          const due = ((performance.now() - startedMs) / 1_000) * rate
          behind = this.#given - (await this.#committed())
          const isDue = this.#given - start < due && behind < behindMax
          if (isDue) this.#hand(this.#writeAside(records))
          else await delay(20)
        }
        while ((await this.#committed()) < this.#given) await delay(20)
        behind = 0
      },
    )
    return { ...memory, frames: this.#given - start }
  }

  /** Under names that the collector leaves alone. */
  #writeAside(records: Buffer): readonly string[] {
    const names: string[] = []
    for (let at = 0; at < records.length; at += framesPerFile * frameBytes) {
      const name = `${String(this.#files).padStart(8, '0')}.bin`
      this.#files += 1
      writeFileSync(
        join(this.#inbox, `.${name}`),
        records.subarray(at, at + framesPerFile * frameBytes),
      )
      names.push(name)
    }
    this.#given += records.length / frameBytes
    return names
  }

  #hand(names: readonly string[]): void {
    for (const name of names) renameSync(join(this.#inbox, `.${name}`), join(this.#inbox, name))
  }

  async #committed(): Promise<number> {
    const [ledger] = await this.#connection.query<{ written: number }>(
      `select coalesce(sum(written), 0)::float8 as written from ingest_ledger where source = 'files'`,
    )
    return ledger?.written ?? 0
  }

  async #processorSeconds(): Promise<{ collector: number; postgres: number }> {
    const [file] = await this.#connection.query<{ text: string }>(
      `select pg_read_file('postmaster.pid') as text`,
    )
    const used = await processorSeconds(new Map([['postgres', parseInt(file?.text ?? '', 10)]]))
    return {
      collector: await this.#metric('process_cpu_seconds_total'),
      postgres: used.get('postgres') ?? NaN,
    }
  }

  async #metric(name: string): Promise<number> {
    const line = new RegExp(`^${name} (.*)$`, 'm').exec(await this.#collector.metrics())
    return Number(line?.[1])
  }
}

import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { decodeFrame, frameBytes } from '@faultline/core/frame'
import { measurementJson } from '@faultline/load-generator/generate'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import { startApi, type ApiProcess } from '../../test/integration/api/api-process.ts'
import { endure, type Memory } from './endurance.ts'

interface HttpOptions {
  readonly connection: PostgresConnection
  readonly databaseUrl: string
  readonly records: Buffer
  readonly rowsPerRequest: number
  readonly callers: number
}

/** An API of its own, without Redis and ClickHouse, and callers who post rows as lines of JSON that were prepared beforehand. */
export class HttpBench {
  readonly #options: HttpOptions
  readonly #api: ApiProcess
  readonly #bodies: readonly Buffer[]
  readonly #agent = new Agent({ keepAlive: true })
  #keys = 0

  private constructor(options: HttpOptions, api: ApiProcess) {
    this.#options = options
    this.#api = api
    this.#bodies = makeBodies(options)
  }

  static async start(options: HttpOptions): Promise<HttpBench> {
    const nowhere = { redisUrl: 'redis://127.0.0.1:1', clickhouseUrl: 'http://127.0.0.1:1' }
    const api = await startApi({ ...nowhere, databaseUrl: options.databaseUrl })
    return new HttpBench(options, api)
  }

  async stop(): Promise<void> {
    this.#agent.destroy()
    await this.#api.stop()
  }

  get bytes(): number {
    return this.#bodies.reduce((sum, { length }) => sum + length, 0)
  }

  /** Seconds from the first request to the last answer, with what the API took of the processor, and its memory afterwards. */
  async post() {
    const { connection, callers, records } = this.#options
    await connection.query('truncate raw_measurements')
    await connection.query('checkpoint')
    const before = await this.#metric('process_cpu_seconds_total')
    const startedMs = performance.now()
    const waiting = this.#bodies.values()
    const accepted = await Promise.all(
      Array.from({ length: callers }, () => this.#postAll(waiting)),
    )
    const seconds = (performance.now() - startedMs) / 1_000
    const processorSeconds = (await this.#metric('process_cpu_seconds_total')) - before
    const rows = records.length / frameBytes
    const [stored] = await connection.query<{ rows: number }>(
      'select count(*)::int as rows from raw_measurements',
    )
    const sum = accepted.reduce((total, own) => total + own, 0)
    if (sum !== rows || stored?.rows !== rows) {
      throw new Error(`of ${rows} rows ${sum} were accepted and ${String(stored?.rows)} are stored`)
    }
    const megabytes = (await this.#metric('process_resident_memory_bytes')) / 1e6
    return { seconds, processorSeconds, megabytes }
  }

  /** Posts as fast as answers come, the same bodies with new keys, while the memory of the API is watched. */
  async endure(
    minutes: number,
    report: (line: string) => void,
  ): Promise<Memory & { readonly rows: number }> {
    let rows = 0
    const memory = await endure(
      {
        minutes,
        report,
        megabytes: async () => (await this.#metric('process_resident_memory_bytes')) / 1e6,
        empty: () => this.#options.connection.query('truncate raw_measurements'),
        progress: () => `${rows} rows`,
      },
      async (isOver) => {
        let next = 0
        const postOn = async () => {
          while (!isOver()) {
            const body = this.#bodies[next % this.#bodies.length] ?? Buffer.alloc(0)
            next += 1
            rows += await this.#postOne(body)
          }
        }
        await Promise.all(Array.from({ length: this.#options.callers }, postOn))
      },
    )
    return { ...memory, rows }
  }

  async #postAll(bodies: Iterator<Buffer>): Promise<number> {
    let accepted = 0
    for (let next = bodies.next(); next.done !== true; next = bodies.next()) {
      accepted += await this.#postOne(next.value)
    }
    return accepted
  }

  async #postOne(body: Buffer): Promise<number> {
    this.#keys += 1
    const headers = {
      'content-type': 'application/x-ndjson',
      'content-length': body.length,
      'idempotency-key': `bench-${this.#keys}`,
    }
    const url = `${this.#api.origin}/api/measurements`
    const sending = request(url, { method: 'POST', agent: this.#agent, headers })
    sending.end(body)
    const [answer] = (await once(sending, 'response')) as [AsyncIterable<Buffer>]
    const chunks: Buffer[] = []
    for await (const chunk of answer) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const { accepted } = JSON.parse(text) as { accepted?: number }
    if (accepted === undefined) throw new Error(`the API refuses: ${text}`)
    return accepted
  }

  async #metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.#api.origin}/metrics`)).text()
    return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])
  }
}

/** The readings go out in thousandths, as sensors tell them. */
function makeBodies({ records, rowsPerRequest }: HttpOptions): readonly Buffer[] {
  const bodies: Buffer[] = []
  for (let at = 0; at < records.length; at += rowsPerRequest * frameBytes) {
    let text = ''
    const end = Math.min(records.length, at + rowsPerRequest * frameBytes)
    for (let record = at; record < end; record += frameBytes) {
      const decoded = decodeFrame(records.subarray(record, record + frameBytes))
      if (decoded.ok) text += `${measurementJson(decoded.frame)}\n`
    }
    bodies.push(Buffer.from(text))
  }
  return bodies
}

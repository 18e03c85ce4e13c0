import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { MeasurementBatch, copyStatement } from '@faultline/ingest/measurements'
import { systemCode } from '@faultline/runtime/errors'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import { frameBytes } from './frames.ts'

const run = promisify(execFile)

interface CopyOptions {
  readonly databaseUrl: string
  readonly connection: PostgresConnection
  readonly folder: string
  readonly records: Buffer
}

/** The limit: the same rows, ready in PostgreSQL's binary format, in one transaction and with no ledger. */
export class PreparedCopy {
  readonly name: string
  readonly #copy: () => Promise<unknown>
  readonly #connection: PostgresConnection

  private constructor(name: string, copy: () => Promise<unknown>, connection: PostgresConnection) {
    this.name = name
    this.#copy = copy
    this.#connection = connection
  }

  static async make({
    databaseUrl,
    connection,
    folder,
    records,
  }: CopyOptions): Promise<PreparedCopy> {
    const batch = new MeasurementBatch()
    const view = new DataView(records.buffer, records.byteOffset, records.length)
    for (let at = 0; at < records.length; at += frameBytes) batch.appendFrame(view, at)
    const bytes = batch.finish()
    if (!(await hasPsql())) {
      return new PreparedCopy(
        'binary COPY by a client',
        () => connection.copyIn(copyStatement, bytes),
        connection,
      )
    }
    const path = join(folder, 'rows.copy')
    writeFileSync(path, bytes)
    const command = `\\${copyStatement.replace('from stdin', `from '${path}'`)}`
    const psql = () => run('psql', ['-X', '-q', databaseUrl, '-c', command])
    return new PreparedCopy('psql \\copy', psql, connection)
  }

  /** Seconds for all rows. */
  async run(): Promise<number> {
    await this.#connection.query('truncate raw_measurements')
    await this.#connection.query('checkpoint')
    const startedMs = performance.now()
    await this.#copy()
    return (performance.now() - startedMs) / 1_000
  }
}

async function hasPsql(): Promise<boolean> {
  try {
    await run('psql', ['--version'])
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

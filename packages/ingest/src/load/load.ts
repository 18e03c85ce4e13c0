import { basename, resolve } from 'node:path'
import { connectPostgres, type PostgresConnection } from '@faultline/runtime/postgres'
import { planCsvFile, readCsvFile } from '../files/csv-file.ts'
import { readFrameFile } from '../files/frame-file.ts'
import type { Loadable } from '../files/loadable.ts'
import { installUnits } from '../lbnl-ahu/install.ts'
import { mergeByTime } from '../lbnl-ahu/merge-by-time.ts'
import { planUnitFile, readUnitFile } from '../lbnl-ahu/unit-file.ts'
import { defaultBatch, MeasurementWriter } from '../measurements/index.ts'
import { discover, type Discovery } from './discover.ts'
import { readModelDirectory } from './model-directory.ts'
import { readablePart } from './readable-part.ts'
import { RejectionFile } from './rejection-file.ts'

export interface LoadProgress {
  /** Rows committed to PostgreSQL. */
  readonly rows: number
  readonly rejected: number
  /** Where the rejected records are kept, with their reasons; null if there are none. */
  readonly rejectedFile: string | null
  readonly seconds: number
}

export interface LoadResult extends LoadProgress {
  readonly files: number
  readonly rowsPerSecond: number
  /** The signal ended the load early: what had been read is in the database, the rest is not. */
  readonly interrupted: boolean
}

interface LoadOptions {
  /** A file or a folder: frames (.bin, .frames), tables (.csv, .csv.gz), or the LBNL air-handling-unit data set. */
  readonly path: string
  readonly databaseUrl: string
  /** Folder for rejected records; made when the first comes. */
  readonly rejectedFolder: string
  /** Called after each committed batch, and once more where the load fails after it began to read. */
  readonly onProgress?: (progress: LoadProgress) => void
  readonly signal?: AbortSignal
}

/** What is to be read, checked as far as can be before the first row is written. */
interface Plan {
  readonly files: number
  readonly records: AsyncGenerator<Loadable>
}

/**
 * Loads measurements into PostgreSQL in batches of one transaction each. Headers of all tables are checked before the
 * first row; a bad row is kept with its reason and never stops the load. Loading a file twice stores its rows twice.
 * Where it fails midway, `onProgress` has told what was committed and kept until then. With DATABASE_UNAVAILABLE the batch
 * that was on its way may be committed as well: its answer is lost.
 * @throws FaultlineError NOT_FOUND, ARGUMENT_INVALID, DATABASE_UNAVAILABLE, CONFIG_INVALID, DISK_FULL
 */
export async function loadPath(options: LoadOptions): Promise<LoadResult> {
  const discovery = await discover(options.path)
  const connection = await connectPostgres({
    databaseUrl: options.databaseUrl,
    applicationName: 'faultline-load',
  })
  try {
    const plan = await makePlan(discovery, connection)
    return await run(plan, connection, options)
  } finally {
    await connection.close()
  }
}

async function makePlan(discovery: Discovery, connection: PostgresConnection): Promise<Plan> {
  if (discovery.kind === 'lbnl-ahu') {
    const { inventory, unitFiles } = discovery
    const plans = await Promise.all(
      [...unitFiles].map(([deviceId, path]) => planUnitFile(path, deviceId)),
    )
    await installUnits(connection, inventory)
    const sources = plans.map((plan) => readablePart(plan.file, readUnitFile(plan)))
    return { files: plans.length, records: mergeByTime(sources) }
  }
  const directory = await readModelDirectory(connection)
  const tables = await Promise.all(discovery.csv.map((path) => planCsvFile(path, directory)))
  const sources = [
    ...discovery.frames.map((path) => readablePart(basename(path), readFrameFile(path))),
    ...tables.map((plan) => readablePart(plan.file, readCsvFile(plan, directory))),
  ]
  return { files: sources.length, records: oneAfterAnother(sources) }
}

async function* oneAfterAnother(
  sources: readonly AsyncGenerator<Loadable>[],
): AsyncGenerator<Loadable> {
  for (const source of sources) yield* source
}

async function run(
  plan: Plan,
  connection: PostgresConnection,
  { path, rejectedFolder, onProgress, signal }: LoadOptions,
): Promise<LoadResult> {
  const startedMs = performance.now()
  const rejections = new RejectionFile(rejectedFolder, basename(resolve(path)), Date.now())
  let rows = 0
  const progress = (): LoadProgress => ({
    rows,
    rejected: rejections.count,
    rejectedFile: rejections.path ?? null,
    seconds: (performance.now() - startedMs) / 1000,
  })
  const writer = new MeasurementWriter(connection, {
    ...defaultBatch,
    onCommit: (committed) => {
      rows += committed
      onProgress?.(progress())
    },
  })
  try {
    for await (const { row, rejection } of plan.records) {
      if (signal?.aborted === true) break
      if (row === undefined) await rejections.add(rejection)
      else {
        const waiting = writer.write(row)
        if (waiting !== undefined) await waiting
      }
    }
    await writer.flush()
    await rejections.close()
    const end = progress()
    return {
      ...end,
      files: plan.files,
      rowsPerSecond: end.seconds > 0 ? Math.round(end.rows / end.seconds) : 0,
      interrupted: signal?.aborted === true,
    }
  } catch (error) {
    // What stopped the load is said, not what closing after it meets.
    await Promise.allSettled([writer.settle(), rejections.close()])
    onProgress?.(progress())
    throw error
  }
}

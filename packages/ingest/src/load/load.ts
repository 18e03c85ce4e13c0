import { basename, resolve } from 'node:path'
import { connectPostgres, type PostgresConnection } from '@faultline/runtime/postgres'
import { planCsvFile, readCsvFile } from '../files/csv-file.ts'
import { readFrameFile } from '../files/frame-file.ts'
import type { Loadable } from '../files/loadable.ts'
import { installUnits } from '../lbnl-ahu/install.ts'
import { mergeByTime } from '../lbnl-ahu/merge-by-time.ts'
import { planUnitFile, readUnitFile } from '../lbnl-ahu/unit-file.ts'
import { discover, type Discovery } from './discover.ts'
import { openFiles, type LoadedFile } from './loaded-file.ts'
import { LoadWriter } from './load-writer.ts'
import { readModelDirectory } from './model-directory.ts'
import { readablePart } from './readable-part.ts'
import { RejectionFile } from './rejection-file.ts'

export interface LoadProgress {
  /** Rows committed to PostgreSQL by this load. */
  readonly rows: number
  readonly rejected: number
  /** Where the rejected records are kept, with their reasons; null if there are none. */
  readonly rejectedFile: string | null
  readonly seconds: number
}

export interface LoadResult extends LoadProgress {
  readonly files: number
  /** How many of them were loaded before, under whatever name: nothing of them was stored now. */
  readonly known: number
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

/** Records of one file that follow each other. */
interface Run {
  readonly file: LoadedFile
  readonly records: Iterable<Loadable>
  /** Whether nothing of the file is left. */
  readonly isEnd: boolean
}

/** What is to be read, checked as far as can be before the first row is written. */
interface Plan {
  readonly files: number
  readonly known: number
  readonly runs: AsyncGenerator<Run>
}

interface Source {
  readonly file: LoadedFile
  readonly pieces: AsyncGenerator<Iterable<Loadable>>
}

/**
 * Loads measurements into PostgreSQL in batches of one transaction each. Headers of all tables are checked before the
 * first row; a bad row is kept with its reason and never stops the load. How far each file is taken is committed with its rows: what is loaded again
 * is stored once, and a load that was interrupted goes on where it was.
 * Where it fails midway, `onProgress` has told what was committed and kept until then. With DATABASE_UNAVAILABLE the batch
 * that was on its way may be committed as well: its answer is lost.
 * @throws FaultlineError NOT_FOUND, ARGUMENT_INVALID, DATABASE_UNAVAILABLE, CONFIG_INVALID, DISK_FULL, ALREADY_RUNNING
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
    const opened = await openFiles(connection, plans)
    const sources = plans.flatMap((plan) => toSource(opened, plan.path, () => readUnitFile(plan)))
    return { ...countsOf(plans.length, sources), runs: together(sources) }
  }
  const directory = await readModelDirectory(connection)
  const tables = await Promise.all(discovery.csv.map((path) => planCsvFile(path, directory)))
  const candidates = [...discovery.frames.map((path) => ({ path })), ...tables.map(pathOf)]
  const opened = await openFiles(connection, candidates)
  const sources = [
    ...discovery.frames.flatMap((path) => toSource(opened, path, () => readFrameFile(path))),
    ...tables.flatMap((plan) => toSource(opened, plan.path, () => readCsvFile(plan, directory))),
  ]
  return { ...countsOf(candidates.length, sources), runs: oneAfterAnother(sources) }
}

const pathOf = ({ path }: { readonly path: string }) => ({ path })

const countsOf = (files: number, sources: readonly Source[]) => ({
  files,
  known: files - sources.length,
})

/** None where the file was loaded before. */
function toSource(
  opened: ReadonlyMap<string, LoadedFile>,
  path: string,
  read: () => AsyncGenerator<Iterable<Loadable>>,
): readonly Source[] {
  const file = opened.get(path)
  return file === undefined ? [] : [{ file, pieces: readablePart(file, read()) }]
}

async function* oneAfterAnother(sources: readonly Source[]): AsyncGenerator<Run> {
  for (const { file, pieces } of sources) {
    for await (const records of pieces) yield { file, records, isEnd: false }
    yield { file, records: [], isEnd: true }
  }
}

async function* together(sources: readonly Source[]): AsyncGenerator<Run> {
  for await (const { source, record } of mergeByTime(sources)) {
    const { file } = source
    yield { file, records: record === undefined ? [] : [record], isEnd: record === undefined }
  }
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
  const onCommit = (committed: number): void => {
    rows += committed
    onProgress?.(progress())
  }
  const writer = new LoadWriter({ connection, rejections, onCommit })
  try {
    await takeAll(plan.runs, writer, signal)
    await writer.flush()
    await rejections.close()
    const end = progress()
    return {
      ...end,
      files: plan.files,
      known: plan.known,
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

/** Ends early where the signal aborts: what was taken until then is taken. */
async function takeAll(
  runs: AsyncGenerator<Run>,
  writer: LoadWriter,
  signal: AbortSignal | undefined,
): Promise<void> {
  for await (const { file, records, isEnd } of runs) {
    for (const record of records) {
      if (signal?.aborted === true) return
      const waiting = writer.take(file, record)
      if (waiting !== undefined) await waiting
    }
    if (isEnd) writer.end(file)
  }
}

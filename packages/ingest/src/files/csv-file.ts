import { basename } from 'node:path'
import { FaultlineError } from '@faultline/runtime/errors'
import { controlCharacter, float32Max } from '../measurements/bounds.ts'
import type { Measurement } from '../measurements/index.ts'
import { parseCarNumber } from './car-number.ts'
import { splitCsvLine } from './csv-line.ts'
import { openBytes, readLineGroups, readLines, type Line } from './lines.ts'
import type { Loadable, RejectionReason } from './loadable.ts'
import { parseMeasuredAt } from './measured-at.ts'
import { PlainRowReader, type ColumnKind } from './plain-row.ts'

/** What the database knows of models and devices, read once before a load. */
export interface ModelDirectory {
  /** Model name to its channels in order. */
  readonly channelsOf: ReadonlyMap<string, readonly string[]>
  /** Device id to the name of its model. */
  readonly modelOf: ReadonlyMap<string, string>
}

const required = ['device_id', 'measured_at'] as const
const fixedColumns: readonly string[] = [...required, 'car_number']

/** How the columns of a file become the readings of a model: for each column the channel's index. */
interface Layout {
  readonly channels: number
  /** Pairs of a cell's place in the row and the channel's index. */
  readonly cells: readonly (readonly [number, number])[]
}

/** A CSV file whose header has been checked. */
export interface CsvPlan {
  readonly path: string
  readonly file: string
  readonly columns: readonly string[]
  /** The models that have all the file's channels, by name. */
  readonly layouts: ReadonlyMap<string, Layout>
}

/**
 * Reads and checks the header of a CSV file.
 * @throws FaultlineError ARGUMENT_INVALID (a column is missing, given twice or unknown)
 */
export async function planCsvFile(path: string, directory: ModelDirectory): Promise<CsvPlan> {
  const file = basename(path)
  let columns: readonly string[] | undefined
  for await (const line of readLines(openBytes(path))) {
    columns = line.text === undefined ? undefined : splitCsvLine(line.text)
    break
  }
  if (columns === undefined) throw refuseHeader(file, 'has no header')
  columns = columns.map((name) => name.trim())
  const missing = required.filter((name) => !columns.includes(name))
  if (missing.length > 0) throw refuseHeader(file, `has no column ${missing.join(', ')}`)
  const twice = columns.filter((name, index) => columns.indexOf(name) !== index)
  if (twice.length > 0) throw refuseHeader(file, `has the column ${twice.join(', ')} twice`)
  return { path, file, columns, layouts: layoutsFor(file, columns, directory) }
}

function layoutsFor(
  file: string,
  columns: readonly string[],
  directory: ModelDirectory,
): ReadonlyMap<string, Layout> {
  const channelColumns = columns.filter((name) => !fixedColumns.includes(name))
  if (channelColumns.length === 0) throw refuseHeader(file, 'has no column with readings')
  const known = new Set([...directory.channelsOf.values()].flat())
  const unknown = channelColumns.filter((name) => !known.has(name))
  if (unknown.length > 0) {
    throw refuseHeader(file, `has a column that is a channel of no model: ${unknown.join(', ')}`)
  }
  const layouts = new Map<string, Layout>()
  for (const [model, channels] of directory.channelsOf) {
    if (!channelColumns.every((name) => channels.includes(name))) continue
    const cells = channelColumns.map(
      (name) => [columns.indexOf(name), channels.indexOf(name)] as const,
    )
    layouts.set(model, { channels: channels.length, cells })
  }
  if (layouts.size === 0) {
    throw refuseHeader(file, `has channels that no single model has: ${channelColumns.join(', ')}`)
  }
  return layouts
}

function refuseHeader(file: string, what: string): FaultlineError {
  return new FaultlineError('ARGUMENT_INVALID', `${file} ${what}; nothing was loaded`, {
    remedy:
      'The first line names device_id, measured_at and channels of a model in device_models. A public data set is loaded by its folder.',
  })
}

/** The rows of a planned file, in its order. The readings of a row are valid until the next one is taken. */
export async function* readCsvFile(
  plan: CsvPlan,
  directory: ModelDirectory,
): AsyncGenerator<Iterable<Loadable>> {
  const reader = new RowReader(plan, directory)
  let isHeader = true
  for await (const lines of readLineGroups(openBytes(plan.path))) {
    yield reader.readAll(isHeader ? lines.slice(1) : lines)
    isHeader = false
  }
}

/** Rows of one file. */
export class RowReader {
  readonly #plan: CsvPlan
  readonly #directory: ModelDirectory
  readonly #plain: PlainRowReader
  /** For each layout: its readings, used again for the next row of it. */
  readonly #readings = new Map<Layout, Float32Array>()

  constructor(plan: CsvPlan, directory: ModelDirectory) {
    this.#plan = plan
    this.#directory = directory
    this.#plain = new PlainRowReader(plan.columns.map(kindOf))
  }

  *readAll(lines: readonly Line[]): Generator<Loadable> {
    for (const line of lines) {
      const outcome = this.read(line)
      if ('reason' in outcome) yield { rejection: rejectLine(this.#plan.file, line, outcome) }
      else yield { row: outcome }
    }
  }

  /** The row's readings are valid until the next call. */
  read(line: Line): Measurement | Refusal {
    return this.#readPlain(line) ?? readTextRow(this.#plan, this.#directory, line)
  }

  #readPlain({ bytes }: Line): Measurement | undefined {
    const plain = this.#plain
    if (!plain.read(bytes)) return undefined
    const { deviceId, measuredAtMs, carNumber } = plain
    const layout = layoutOf(this.#plan, this.#directory, deviceId)
    if ('reason' in layout) return undefined
    let readings = this.#readings.get(layout)
    if (readings === undefined) {
      readings = new Float32Array(layout.channels).fill(Number.NaN)
      this.#readings.set(layout, readings)
    }
    // Channels without a column stay NaN.
    for (const [place, channel] of layout.cells) readings[channel] = plain.values[place] ?? NaN
    return { deviceId, measuredAtMs, readings, carNumber }
  }
}

function kindOf(column: string): ColumnKind {
  return column === 'device_id' || column === 'measured_at' || column === 'car_number'
    ? column
    : 'reading'
}

/** A refusal before it is given its place. */
export interface Refusal {
  readonly reason: RejectionReason
  readonly detail: string
}

export function rejectLine(file: string, line: Line, { reason, detail }: Refusal) {
  const isText = line.text !== undefined
  return {
    file,
    at: line.number,
    reason,
    detail,
    raw: isText ? line.text : line.bytes.toString('base64'),
    encoding: isText ? 'text' : 'base64',
  } as const
}

/** The cells of a line, as many as there are columns, or why not. */
export function readCells(line: Line, columns: number): readonly string[] | Refusal {
  if (line.text === undefined) {
    return { reason: 'TEXT_INVALID', detail: 'the line is not UTF-8 or is over 1 MiB long' }
  }
  const cells = splitCsvLine(line.text)
  if (cells === undefined) return { reason: 'TEXT_INVALID', detail: 'a quote is not closed' }
  if (cells.length !== columns) {
    return {
      reason: 'COLUMNS_INVALID',
      detail: `the row has ${cells.length} cells, the header ${columns}`,
    }
  }
  return cells
}

/** Reads a row from the text of its cells: whatever notation there is, and what is wrong with it. */
export function readTextRow(
  plan: CsvPlan,
  directory: ModelDirectory,
  line: Line,
): Measurement | Refusal {
  const cells = readCells(line, plan.columns.length)
  if ('reason' in cells) return cells
  const cell = (name: string): string => cells[plan.columns.indexOf(name)]?.trim() ?? ''
  const deviceId = cell('device_id')
  if (deviceId === '') return { reason: 'DEVICE_ID_EMPTY', detail: 'the device id is empty' }
  if (controlCharacter.test(deviceId)) {
    return { reason: 'DEVICE_ID_INVALID', detail: 'the device id has a control character' }
  }
  const measuredAtMs = parseMeasuredAt(cell('measured_at'))
  if (measuredAtMs === undefined) {
    return {
      reason: 'CLOCK_INVALID',
      detail: 'measured_at is no ISO time and no epoch milliseconds of the years 2000 to 2099',
    }
  }
  const carNumber = parseCarNumber(cell('car_number'))
  if (carNumber === undefined) {
    return { reason: 'CAR_NUMBER_INVALID', detail: 'car_number is not a whole number' }
  }
  const layout = layoutOf(plan, directory, deviceId)
  if ('reason' in layout) return layout
  const readings = readReadings(plan, layout, cells)
  return 'reason' in readings ? readings : { deviceId, measuredAtMs, readings, carNumber }
}

/** The layout for the device's model; of a device not yet registered, the only model that fits. */
function layoutOf(plan: CsvPlan, directory: ModelDirectory, deviceId: string): Layout | Refusal {
  const model = directory.modelOf.get(deviceId)
  if (model !== undefined) {
    return (
      plan.layouts.get(model) ?? {
        reason: 'MODEL_MISMATCH',
        detail: `the device's model ${model} lacks a channel of this file`,
      }
    )
  }
  const [only, ...others] = plan.layouts.values()
  if (only !== undefined && others.length === 0) return only
  return {
    reason: 'DEVICE_UNKNOWN',
    detail: `the device is not in device_catalog, and its readings fit ${plan.layouts.size} models`,
  }
}

function readReadings(
  plan: CsvPlan,
  layout: Layout,
  cells: readonly string[],
): Float32Array | Refusal {
  const readings = new Float32Array(layout.channels).fill(Number.NaN)
  for (const [place, channel] of layout.cells) {
    const text = cells[place]?.trim() ?? ''
    if (text === '') continue
    const value = Number(text)
    if (!(Math.abs(value) <= float32Max)) {
      const column = plan.columns[place] ?? ''
      return { reason: 'VALUE_INVALID', detail: `${column} is not a float32 number` }
    }
    readings[channel] = value
  }
  return readings
}

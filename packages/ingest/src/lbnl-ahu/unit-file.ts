import { basename } from 'node:path'
import { isPlausibleClock } from '@faultline/core/frame'
import { FaultlineError } from '@faultline/runtime/errors'
import { readCells, rejectLine, type Refusal } from '../files/csv-file.ts'
import { splitCsvLine } from '../files/csv-line.ts'
import { openBytes, readLineGroups, readLines, type Line } from '../files/lines.ts'
import type { Loadable } from '../files/loadable.ts'
import { epochOf } from '../files/measured-at.ts'
import type { Measurement } from '../measurements/index.ts'
import { ahuModel, type AhuChannel } from './model.ts'

/** The data set's column names (some end in spaces there) and our channels. */
const channelOf: Readonly<Record<string, AhuChannel>> = {
  'AHU: Supply Air Temperature': 'supply_air_temp',
  'AHU: Supply Air Temperature Set Point': 'supply_air_temp_set_point',
  'AHU: Supply Air Temperature Heating Set Point': 'supply_air_temp_heating_set_point',
  'AHU: Supply Air Temperature Cooling Set Point': 'supply_air_temp_cooling_set_point',
  'AHU: Outdoor Air Temperature': 'outdoor_air_temp',
  'AHU: Mixed Air Temperature': 'mixed_air_temp',
  'AHU: Return Air Temperature': 'return_air_temp',
  'AHU: Supply Air Fan Status': 'supply_fan_status',
  'AHU: Return Air Fan Status': 'return_fan_status',
  'AHU: Supply Air Fan Speed Control Signal': 'supply_fan_speed',
  'AHU: Return Air Fan Speed Control Signal': 'return_fan_speed',
  'AHU: Exhaust Air Damper Control Signal': 'exhaust_damper',
  'AHU: Outdoor Air Damper Control Signal': 'outdoor_damper',
  'AHU: Return Air Damper Control Signal': 'return_damper',
  'AHU: Cooling Coil Valve Control Signal': 'cooling_valve',
  'AHU: Heating Coil Valve Control Signal': 'heating_valve',
  'AHU: Supply Air Duct Static Pressure Set Point': 'static_pressure_set_point',
  'AHU: Supply Air Duct Static Pressure': 'static_pressure',
  'Occupancy Mode Indicator': 'occupied',
}

const timeColumn = 'Datetime'
/** The label is no measurement: it goes to device_events, from scenarios.csv. */
const labelColumn = 'Fault Detection Ground Truth'

/** What a spreadsheet writes where it has no value; 91 cells of the published files hold one. */
const missingCells = new Set(['', '#VALUE!', '#N/A', '#DIV/0!', 'NaN'])

const localTime = /^(\d{1,2})\/(\d{1,2})\/(\d{4}) (\d{1,2}):(\d{2})$/

/** A file of one unit whose header has been checked. */
export interface UnitPlan {
  readonly path: string
  readonly file: string
  readonly deviceId: string
  readonly timePlace: number
  /** Pairs of a cell's place in the row and the channel's index. */
  readonly cells: readonly (readonly [number, number])[]
  readonly columns: number
}

/** @throws FaultlineError ARGUMENT_INVALID (a column is not one of the data set's) */
export async function planUnitFile(path: string, deviceId: string): Promise<UnitPlan> {
  const file = basename(path)
  let header: readonly string[] = []
  for await (const line of readLines(openBytes(path))) {
    header = (splitCsvLine(line.text ?? '') ?? []).map((name) => name.trim())
    break
  }
  const cells: (readonly [number, number])[] = []
  for (const [place, name] of header.entries()) {
    if (name === timeColumn || name === labelColumn) continue
    const channel = channelOf[name]
    if (channel === undefined) throw refuseHeader(file, `has an unknown column "${name}"`)
    cells.push([place, ahuModel.channels.indexOf(channel)])
  }
  const timePlace = header.indexOf(timeColumn)
  if (timePlace === -1) throw refuseHeader(file, `has no column ${timeColumn}`)
  return { path, file, deviceId, timePlace, cells, columns: header.length }
}

function refuseHeader(file: string, what: string): FaultlineError {
  return new FaultlineError('ARGUMENT_INVALID', `${file} ${what}; nothing was loaded`, {
    remedy: 'Use the files of the data set as they were published.',
  })
}

/** The rows of one unit in the file's order, its local times taken as UTC. */
export async function* readUnitFile(plan: UnitPlan): AsyncGenerator<Iterable<Loadable>> {
  let isHeader = true
  for await (const lines of readLineGroups(openBytes(plan.path))) {
    yield readRows(plan, isHeader ? lines.slice(1) : lines)
    isHeader = false
  }
}

function* readRows(plan: UnitPlan, lines: readonly Line[]): Generator<Loadable> {
  for (const line of lines) {
    const outcome = readRow(plan, line)
    if ('reason' in outcome) yield { rejection: rejectLine(plan.file, line, outcome) }
    else yield { row: outcome }
  }
}

function readRow(plan: UnitPlan, line: Line): Measurement | Refusal {
  const cells = readCells(line, plan.columns)
  if ('reason' in cells) return cells
  const measuredAtMs = parseLocalTime(cells[plan.timePlace] ?? '')
  if (measuredAtMs === undefined) {
    return { reason: 'CLOCK_INVALID', detail: `${timeColumn} is not a time like 8/28/2007 0:00` }
  }
  const readings = new Float32Array(ahuModel.channels.length).fill(Number.NaN)
  for (const [place, channel] of plan.cells) {
    const text = cells[place]?.trim() ?? ''
    if (missingCells.has(text)) continue
    const value = Number(text)
    if (!Number.isFinite(value)) {
      return {
        reason: 'VALUE_INVALID',
        detail: `${ahuModel.channels[channel] ?? ''} is not a number`,
      }
    }
    readings[channel] = value
  }
  return { deviceId: plan.deviceId, measuredAtMs, readings, carNumber: null }
}

/** Month/day/year hour:minute, as UTC; undefined if it is no such time. */
function parseLocalTime(text: string): number | undefined {
  const match = localTime.exec(text)
  if (match === null) return undefined
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0] = match.slice(1).map(Number)
  const epochMs = epochOf([year, month, day, hour, minute, 0])
  return epochMs !== undefined && isPlausibleClock(epochMs) ? epochMs : undefined
}

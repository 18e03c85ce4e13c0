import { join } from 'node:path'
import { splitCsvLine } from '../files/csv-line.ts'
import { openBytes, readLines } from '../files/lines.ts'
import { FaultlineError } from '@faultline/runtime/errors'
import { parseMeasuredAt } from '../files/measured-at.ts'

/** A unit of the data set, from catalog.csv. */
interface Unit {
  readonly deviceId: string
  readonly file: string
  readonly equipment: string
  readonly location: string
  readonly source: string
  readonly season: string
}

/** A day on which a unit ran with a fault, from scenarios.csv. */
export interface Scenario {
  readonly deviceId: string
  /** Start of the day, epoch ms. */
  readonly dayMs: number
  readonly component: string
  readonly fault: string
  readonly intensity: string
}

export interface Inventory {
  readonly units: readonly Unit[]
  readonly scenarios: readonly Scenario[]
}

const catalogHeader = 'device_id,file,equipment,location,source,season'
const scenariosHeader = 'device_id,date,component,fault,intensity'

/** The data set's two tables, or undefined if the folder is not the data set (told by their names and headers). */
export async function readInventory(
  folder: string,
  names: readonly string[],
): Promise<Inventory | undefined> {
  if (!names.includes('catalog.csv') || !names.includes('scenarios.csv')) return undefined
  const catalog = await readTable(join(folder, 'catalog.csv'))
  const scenarios = await readTable(join(folder, 'scenarios.csv'))
  if (catalog.header !== catalogHeader || scenarios.header !== scenariosHeader) return undefined
  return {
    units: catalog.rows.map(
      ([deviceId = '', file = '', equipment = '', location = '', source = '', season = '']) => ({
        deviceId,
        file,
        equipment,
        location,
        source,
        season,
      }),
    ),
    scenarios: scenarios.rows.map(
      ([deviceId = '', date = '', component = '', fault = '', intensity = '']) => {
        const dayMs = parseMeasuredAt(date)
        if (dayMs === undefined) {
          throw new FaultlineError('ARGUMENT_INVALID', `scenarios.csv has no date in "${date}"`, {
            remedy: 'Use the files of the data set as they were published.',
          })
        }
        return { deviceId, dayMs, component, fault, intensity }
      },
    ),
  }
}

/** A table that is small by nature: the inventory of four units. */
async function readTable(path: string): Promise<{ header: string; rows: string[][] }> {
  const lines: string[] = []
  for await (const line of readLines(openBytes(path))) lines.push(line.text ?? '')
  const [header = '', ...rest] = lines
  return { header, rows: rest.map((line) => splitCsvLine(line) ?? []) }
}

import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { FaultlineError, systemCode } from '@faultline/runtime/errors'
import { readInventory, type Inventory } from '../lbnl-ahu/inventory.ts'

/** What lies at a path. */
export type Discovery =
  | { readonly kind: 'files'; readonly frames: readonly string[]; readonly csv: readonly string[] }
  | { readonly kind: 'lbnl-ahu'; readonly inventory: Inventory; readonly unitFiles: UnitFiles }

/** Device id to the path of its file. */
type UnitFiles = ReadonlyMap<string, string>

const isFrameFile = (name: string): boolean => /\.(bin|frames)$/i.test(name)
const isCsvFile = (name: string): boolean => /\.csv(\.gz)?$/i.test(name)

/**
 * Tells what a file or a folder (without its subfolders) holds; other files in a folder are passed over.
 * @throws FaultlineError NOT_FOUND, ARGUMENT_INVALID (nothing that can be loaded)
 */
export async function discover(path: string): Promise<Discovery> {
  const isFolder = await askWhetherFolder(path)
  const folder = isFolder ? path : dirname(path)
  const names = isFolder ? (await readdir(path)).toSorted() : [basename(path)]
  const inventory = isFolder ? await readInventory(path, names) : undefined
  if (inventory !== undefined) {
    return { kind: 'lbnl-ahu', inventory, unitFiles: findUnitFiles(folder, names, inventory) }
  }
  const frames = names.filter(isFrameFile).map((name) => join(folder, name))
  const csv = names.filter(isCsvFile).map((name) => join(folder, name))
  if (frames.length + csv.length === 0) {
    throw new FaultlineError('ARGUMENT_INVALID', `nothing to load at ${path}`, {
      remedy:
        'Frame files end in .bin or .frames, tables in .csv or .csv.gz; a folder may hold several.',
    })
  }
  return { kind: 'files', frames, csv }
}

async function askWhetherFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw error
    throw new FaultlineError('NOT_FOUND', `there is no ${path}`, {
      cause: error,
      remedy: 'Give the path of a file or a folder.',
    })
  }
}

/** The inventory names `X.csv`; the file may be packed. A unit without its file is not loaded. */
function findUnitFiles(folder: string, names: readonly string[], inventory: Inventory): UnitFiles {
  const found = new Map<string, string>()
  for (const { deviceId, file } of inventory.units) {
    const name = names.find((candidate) => candidate === file || candidate === `${file}.gz`)
    if (name !== undefined) found.set(deviceId, join(folder, name))
  }
  if (found.size === 0) {
    throw new FaultlineError('ARGUMENT_INVALID', `catalog.csv names no file in ${folder}`, {
      remedy: 'Put the files of the units beside catalog.csv.',
    })
  }
  return found
}

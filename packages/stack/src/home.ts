import { constants } from 'node:fs'
import { access, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FaultlineError, systemCode } from '@faultline/runtime/errors'
import { z } from 'zod'
import { stackFolders } from './layout.ts'

/**
 * The marker that makes a folder a home of ours: nothing is ever deleted in a folder without it. `format` is the layout of
 * the data in it; the port base is remembered so that the next `up` finds its own addresses again.
 */
const marker = z.object({
  faultlineHome: z.literal(true),
  format: z.number(),
  portBase: z.number(),
})
type Marker = z.infer<typeof marker>

const dataFormat = 1
const markerName = 'faultline-home.json'

/**
 * Makes sure that a folder can be the home of a stack, and makes its sub-folders.
 * @throws FaultlineError HOME_UNUSABLE when it cannot be written, holds something else, or data of another version
 */
export async function openHome(home: string, portBase: number): Promise<void> {
  try {
    await mkdir(home, { recursive: true })
    await access(home, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    const code = systemCode(error) ?? 'unknown error'
    throw unusable(`the home folder ${home} cannot be written (${code})`, 'Change its owner')
  }
  const known = await readMarker(home)
  if (known === undefined && (await readdir(home)).length > 0) {
    throw unusable(`the folder ${home} holds files that are not Faultline's`, 'Empty it')
  }
  if (known !== undefined && known.format !== dataFormat) {
    throw unusable(
      `the data in ${home} has format ${known.format}, this version reads format ${dataFormat}`,
      'Run the version that wrote it',
    )
  }
  // Before anything else is in it: an interruption must not leave a folder that looks like somebody else's.
  if (known === undefined) await markHome(home, portBase)
  const folders = stackFolders(home)
  for (const folder of [folders.logs, folders.run, dirname(folders.data('any'))]) {
    await mkdir(folder, { recursive: true })
  }
}

/** Marks the folder as ours and remembers the ports for the next `up`. */
export async function markHome(home: string, portBase: number): Promise<void> {
  const content: Marker = { faultlineHome: true, format: dataFormat, portBase }
  const path = join(home, markerName)
  await writeFile(`${path}.tmp`, JSON.stringify(content))
  await rename(`${path}.tmp`, path)
}

/**
 * @throws FaultlineError NOT_RUNNING for a folder on which no stack has run yet
 */
export async function requireKnownHome(home: string): Promise<{ lastPortBase: number }> {
  const known = await readMarker(home)
  if (known !== undefined) return { lastPortBase: known.portBase }
  throw new FaultlineError('NOT_RUNNING', `no stack has run on the home folder ${home} yet`, {
    remedy: 'Start it with `faultline up`; FAULTLINE_HOME chooses another home folder.',
  })
}

/** The ports that the last `up` on this home used, if there was one. */
export async function lastPortBase(home: string): Promise<number | undefined> {
  return (await readMarker(home))?.portBase
}

/**
 * Deletes what the back ends stored. Only inside a marked home, and only the folder that a stack makes there: a link in
 * its place is not followed.
 */
export async function deleteData(home: string): Promise<void> {
  if ((await readMarker(home)) === undefined) return
  const folder = dirname(stackFolders(home).data('any'))
  const found = await lstat(folder).catch(() => undefined)
  if (found?.isDirectory() === true) await rm(folder, { recursive: true })
  await mkdir(folder, { recursive: true })
}

async function readMarker(home: string): Promise<Marker | undefined> {
  try {
    return marker.parse(JSON.parse(await readFile(join(home, markerName), 'utf8')))
  } catch {
    return undefined
  }
}

function unusable(what: string, remedy: string): FaultlineError {
  return new FaultlineError('HOME_UNUSABLE', what, {
    remedy: `${remedy}, or choose another folder with FAULTLINE_HOME.`,
  })
}

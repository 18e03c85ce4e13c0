import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { chown, lstat, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { FaultlineError } from '@faultline/runtime/errors'

const run = promisify(execFile)

export interface User {
  readonly uid: number
  readonly gid: number
}

/** How a program of PostgreSQL is started, since it refuses to run as root. */
export interface PostgresRunner {
  /** Who must own the data folder, when that is not the user of this process. */
  readonly owner: User | undefined
  readonly command: (
    program: string,
    args: readonly string[],
  ) => { readonly command: string; readonly args: readonly string[]; readonly user?: User }
}

/**
 * As an ordinary user: directly. As root: as the user `postgres` or `nobody`; or, where that user cannot enter one of the
 * folders (a project under /root), in a user namespace in which root has that user's number.
 * @param paths the folders that PostgreSQL has to reach
 * @throws FaultlineError CONFIG_INVALID when root has neither way
 */
export async function postgresRunner(paths: readonly string[]): Promise<PostgresRunner> {
  const direct = (program: string, args: readonly string[]) => ({ command: program, args })
  if (process.getuid?.() !== 0) return { owner: undefined, command: direct }
  const user = unprivilegedUser(await readFile('/etc/passwd', 'utf8'))
  const closed = await firstClosedFolder(paths, user)
  if (closed === undefined) {
    return { owner: user, command: (program, args) => ({ ...direct(program, args), user }) }
  }
  const namespace = ['--user', `--map-user=${user.uid}`, `--map-group=${user.gid}`]
  try {
    await run('unshare', [...namespace, 'true'])
  } catch (error) {
    throw new FaultlineError(
      'CONFIG_INVALID',
      `PostgreSQL does not run as root, and its user cannot enter ${closed}`,
      {
        remedy:
          'Run as an ordinary user, or keep the project where every user may enter its folder.',
        cause: error,
      },
    )
  }
  return {
    owner: { uid: 0, gid: 0 },
    command: (program, args) => ({ command: 'unshare', args: [...namespace, program, ...args] }),
  }
}

/** `postgres` if the machine has it, else `nobody`, out of the text of /etc/passwd. */
export function unprivilegedUser(passwd: string): User {
  const users = new Map(
    passwd.split('\n').map((line) => {
      const [name = '', , uid, gid] = line.split(':')
      return [name, { uid: Number(uid), gid: Number(gid) }] as const
    }),
  )
  return users.get('postgres') ?? users.get('nobody') ?? { uid: 65_534, gid: 65_534 }
}

/** The outermost folder on the way to `paths` that the user may not enter. */
async function firstClosedFolder(
  paths: readonly string[],
  user: User,
): Promise<string | undefined> {
  for (const folder of new Set(paths.flatMap(foldersAbove))) {
    const { mode, uid, gid } = await stat(folder)
    let needed: number = constants.S_IXOTH
    if (uid === user.uid) needed = constants.S_IXUSR
    else if (gid === user.gid) needed = constants.S_IXGRP
    if ((mode & needed) === 0) return folder
  }
  return undefined
}

function foldersAbove(path: string): string[] {
  const parent = dirname(path)
  return parent === path ? [path] : [...foldersAbove(parent), parent]
}

/** Gives a folder with all its content to a user; a folder that is theirs already is taken to be theirs throughout. */
export async function giveTo(owner: User, folder: string): Promise<void> {
  const { uid } = await stat(folder)
  if (uid === owner.uid) return
  for (const path of await readdir(folder, { recursive: true })) {
    // Links are left alone: what they point to may lie outside the folder.
    const entry = await lstat(join(folder, path))
    if (!entry.isSymbolicLink()) await chown(join(folder, path), owner.uid, owner.gid)
  }
  // The folder itself last, so that an interruption is seen and repeated.
  await chown(folder, owner.uid, owner.gid)
}

import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FaultlineError, systemCode } from '@faultline/runtime/errors'
import { z } from 'zod'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'

/** Who runs the stack of a home folder, and where it can be reached. */
export interface LockHolder {
  readonly identity: ProcessIdentity
  readonly pageUrl: string
  readonly controlSocket: string
}

const schema = z.object({
  identity: z.object({ pid: z.number().int().positive(), startedAt: z.string() }),
  pageUrl: z.string(),
  controlSocket: z.string(),
})

const attempts = 10

function lockPath(runFolder: string): string {
  return join(runFolder, 'supervisor.json')
}

/** The living holder of the lock, or undefined: a lock whose process is gone counts as free. */
export function readLock(runFolder: string): LockHolder | undefined {
  const holder = parseLock(readText(lockPath(runFolder)))
  return holder !== undefined && isAlive(holder.identity) ? holder : undefined
}

/**
 * Takes the lock of a home folder for this process; returns the release.
 * The file appears complete, by a hard link to one written before, so two that try at the same time cannot both win.
 * @throws FaultlineError ALREADY_RUNNING with the address of the running stack
 */
export function takeLock(
  runFolder: string,
  addresses: Pick<LockHolder, 'pageUrl' | 'controlSocket'>,
): () => void {
  const path = lockPath(runFolder)
  const own = `${path}.${process.pid}`
  const identity = identify(process.pid)
  if (identity === undefined) throw new Error('this process cannot find its own start time')
  writeFileSync(own, JSON.stringify({ identity, ...addresses }))
  try {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      if (tryLink(own, path)) {
        return () => {
          rmSync(path, { force: true })
        }
      }
      refuseIfHeld(path)
      removeDeadLock(path)
    }
  } finally {
    rmSync(own, { force: true })
  }
  throw alreadyRunning(undefined)
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

function refuseIfHeld(path: string): void {
  const holder = parseLock(readText(path))
  if (holder !== undefined && isAlive(holder.identity)) throw alreadyRunning(holder)
}

/** Moves a dead lock aside; if in between somebody else has taken it, puts that one back. */
function removeDeadLock(path: string): void {
  const aside = `${path}.dead.${process.pid}`
  try {
    renameSync(path, aside)
  } catch {
    return
  }
  const moved = parseLock(readText(aside))
  if (moved !== undefined && isAlive(moved.identity)) tryLink(aside, path)
  rmSync(aside, { force: true })
}

function alreadyRunning(holder: LockHolder | undefined): FaultlineError {
  const who =
    holder === undefined ? '' : ` (process ${holder.identity.pid}), its page is ${holder.pageUrl}`
  return new FaultlineError('ALREADY_RUNNING', `a stack already runs on this home folder${who}`, {
    remedy:
      'Stop it with `faultline down`, or choose another folder and ports with FAULTLINE_HOME and --port-base.',
  })
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function parseLock(text: string): LockHolder | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}

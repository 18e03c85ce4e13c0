import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { basename, join } from 'node:path'
import { systemClock } from '@faultline/runtime/clock'
import { FaultlineError } from '@faultline/runtime/errors'
import { stackFolders } from '@faultline/stack/layout'
import { lastLines } from '@faultline/stack/supervisor'
import type { CliContext } from '../context.ts'

const linesOfOne = 50
const linesOfEach = 10
const pollMs = 200
const chunkBytes = 64 * 1024

/**
 * Prints the end of one log, or of all with the name before each line; with `follow` what is added, until the signal.
 * @throws FaultlineError NOT_FOUND
 */
export async function logs(
  context: CliContext,
  name: string | undefined,
  options: { follow: boolean; signal: AbortSignal },
): Promise<number> {
  const folder = stackFolders(context.home).logs
  const known = knownLogs(folder)
  if (name !== undefined && !known.includes(name)) {
    throw new FaultlineError('NOT_FOUND', `there is no log of "${name}" in ${folder}`, {
      remedy: known.length === 0 ? 'Nothing has run here yet.' : `There are: ${known.join(', ')}.`,
    })
  }
  const chosen = name === undefined ? known : [name]
  const width = Math.max(0, ...chosen.map((entry) => entry.length))
  const print = (from: string, line: string): void => {
    context.terminal.print(name === undefined ? `${from.padEnd(width)} | ${line}` : line)
  }
  const followed = chosen.map((entry) => new FollowedLog(entry, join(folder, `${entry}.log`)))
  for (const log of followed) {
    const count = name === undefined ? linesOfEach : linesOfOne
    for (const line of lastLines(log.path, count)) print(log.name, line)
  }
  while (options.follow) {
    for (const log of followed) for (const line of log.newLines()) print(log.name, line)
    try {
      await systemClock.sleep(pollMs, options.signal)
    } catch {
      break
    }
  }
  return 0
}

function knownLogs(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith('.log'))
      .map((file) => basename(file, '.log'))
      .toSorted((a, b) => a.localeCompare(b))
  } catch {
    return []
  }
}

/** What is appended to a log after its creation here; a rotation starts it from the beginning of the new file. */
class FollowedLog {
  readonly name: string
  readonly path: string
  #offset: number
  #partial = ''

  constructor(name: string, path: string) {
    this.name = name
    this.path = path
    this.#offset = this.#withFile((_, size) => size) ?? 0
  }

  newLines(): string[] {
    const text = this.#withFile((descriptor, size) => this.#read(descriptor, size)) ?? ''
    const lines = (this.#partial + text).split('\n')
    this.#partial = lines.pop() ?? ''
    return lines
  }

  #read(descriptor: number, size: number): string {
    if (size < this.#offset) this.#offset = 0
    const buffer = Buffer.alloc(Math.min(size - this.#offset, chunkBytes))
    const read = readSync(descriptor, buffer, 0, buffer.length, this.#offset)
    this.#offset += read
    return buffer.toString('utf8', 0, read)
  }

  #withFile<T>(use: (descriptor: number, size: number) => T): T | undefined {
    let descriptor: number
    try {
      descriptor = openSync(this.path, 'r')
    } catch {
      return undefined
    }
    try {
      return use(descriptor, fstatSync(descriptor).size)
    } finally {
      closeSync(descriptor)
    }
  }
}

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { ProcessIdentity } from './process-identity.ts'

/**
 * The children of a supervisor, on disk, so that the next `up` finds those that a killed supervisor left behind.
 * Written in the same turn of the event loop as the spawn; replaced by rename, so a reader never sees half a file.
 */
export interface RunningChild {
  readonly name: string
  readonly identity: ProcessIdentity
  readonly stopSignal: NodeJS.Signals
  readonly stopTimeoutMs: number
  /** Names of the processes it needs: they are stopped after it. */
  readonly needs: readonly string[]
}

const schema = z.array(
  z.object({
    name: z.string(),
    identity: z.object({ pid: z.number().int().positive(), startedAt: z.string() }),
    stopSignal: z.custom<NodeJS.Signals>((value) => typeof value === 'string'),
    stopTimeoutMs: z.number(),
    needs: z.array(z.string()),
  }),
)

export class RunFile {
  readonly #path: string
  readonly #children = new Map<string, RunningChild>()

  constructor(runFolder: string) {
    this.#path = join(runFolder, 'children.json')
  }

  /** The children written by the last supervisor of this folder; none when there is no readable file. */
  read(): readonly RunningChild[] {
    let text: string
    try {
      text = readFileSync(this.#path, 'utf8')
    } catch {
      return []
    }
    return parseRunFile(text)
  }

  add(child: RunningChild): void {
    this.#children.set(child.name, child)
    this.#write()
  }

  remove(name: string): void {
    this.#children.delete(name)
    this.#write()
  }

  clear(): void {
    this.#children.clear()
    rmSync(this.#path, { force: true })
  }

  #write(): void {
    const temporary = `${this.#path}.tmp`
    writeFileSync(temporary, JSON.stringify([...this.#children.values()], undefined, 1))
    renameSync(temporary, this.#path)
  }
}

/** A file that is not ours or was cut off names nobody: better an orphan than a signal to a stranger. */
export function parseRunFile(text: string): readonly RunningChild[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return []
  }
  const parsed = schema.safeParse(value)
  return parsed.success ? parsed.data : []
}

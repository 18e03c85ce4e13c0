import type { FoundFile } from './scan.ts'

interface Sighting {
  readonly size: number
  readonly mtimeMs: number
  readonly inode: number
  /** When the file was first seen like this, epoch milliseconds. */
  readonly sinceMs: number
}

/**
 * Tells which files are finished: those whose size and time of change have stood still for `settleMs`. The time of change
 * itself counts, so a file that was written elsewhere and renamed into the folder is finished at first sight; where the clock
 * of the writer is ahead of ours, it counts how long we have seen it unchanged.
 */
export class Settling {
  readonly #settleMs: number
  #sightings = new Map<string, Sighting>()
  #nextMs = Infinity

  constructor(settleMs: number) {
    this.#settleMs = settleMs
  }

  /** Epoch milliseconds at which the first of the unfinished files may be finished; Infinity if there are none. */
  get nextMs(): number {
    return this.#nextMs
  }

  /** The names of the finished ones among `files`, which are all that are there. */
  observe(files: readonly FoundFile[], nowMs: number): ReadonlySet<string> {
    const finished = new Set<string>()
    const sightings = new Map<string, Sighting>()
    this.#nextMs = Infinity
    for (const file of files) {
      const before = this.#sightings.get(file.name)
      const { size, mtimeMs, inode } = file
      const same = before?.size === size && before.mtimeMs === mtimeMs && before.inode === inode
      const sinceMs = same ? before.sinceMs : nowMs
      sightings.set(file.name, { size, mtimeMs, inode, sinceMs })
      const settledMs = Math.min(mtimeMs, sinceMs) + this.#settleMs
      if (settledMs <= nowMs) finished.add(file.name)
      else this.#nextMs = Math.min(this.#nextMs, settledMs)
    }
    this.#sightings = sightings
    return finished
  }
}

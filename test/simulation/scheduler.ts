interface Entry {
  readonly at: number
  readonly serial: number
  readonly run: () => void
}

/** Lets every promise that can go on go on: a tick comes only when the queue of microtasks is empty. */
const settled = (): Promise<void> =>
  new Promise((resolve) => {
    process.nextTick(resolve)
  })

/**
 * Virtual time. Events run one after the other, by time and then by the order in which they were planned, and each only
 * when nothing that the former set going can go on any more. So a run depends on the seed alone.
 */
export class Scheduler {
  now: number
  events = 0
  readonly #heap: Entry[] = []
  #serial = 0

  constructor(startMs: number) {
    this.now = startMs
  }

  after(delayMs: number, run: () => void): void {
    this.#push({ at: this.now + Math.max(0, delayMs), serial: this.#serial++, run })
  }

  /** Runs until `isDone`, asked after each event, or until `limitMs`. Says whether it was done. */
  async run(limitMs: number, isDone: () => boolean): Promise<boolean> {
    await settled()
    for (;;) {
      if (isDone()) return true
      const next = this.#heap[0]
      if (next === undefined || next.at > limitMs) return false
      this.#pop()
      this.now = Math.max(this.now, next.at)
      this.events += 1
      next.run()
      await settled()
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !isBefore(entry, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      const [left, right] = [heap[child], heap[child + 1]]
      if (left === undefined) break
      let smaller = left
      if (right !== undefined && isBefore(right, left)) {
        smaller = right
        child += 1
      }
      if (!isBefore(smaller, last)) break
      heap[at] = smaller
      at = child
    }
    heap[at] = last
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.serial < b.serial)
}

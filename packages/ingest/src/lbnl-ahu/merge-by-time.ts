import type { Loadable } from '../files/loadable.ts'

/** The records of one input, piece by piece. */
interface Pieces {
  readonly pieces: AsyncGenerator<Iterable<Loadable>>
}

/** A record, or undefined where its source has ended. */
interface Merged<S> {
  readonly source: S
  readonly record: Loadable | undefined
}

/**
 * Merges sources that are each in time order into one in time order, holding one record of each. The units then advance
 * together, as a live fleet would. Rejections come where they stand in their source. A record is valid until the next is taken.
 */
export async function* mergeByTime<S extends Pieces>(
  sources: readonly S[],
): AsyncGenerator<Merged<S>> {
  const heads = sources.map((source) => new Head(source))
  try {
    await Promise.all(heads.map((head) => head.advance()))
    for (const { source, record } of heads) if (record === undefined) yield { source, record }
    for (let head = earliest(heads); head !== undefined; head = earliest(heads)) {
      const { source, record } = head
      yield { source, record }
      await head.advance()
      if (head.record === undefined) yield { source, record: undefined }
    }
  } finally {
    await Promise.all(sources.map(({ pieces }) => pieces.return(undefined)))
  }
}

class Head<S extends Pieces> {
  readonly source: S
  /** The next one; undefined at the end. */
  record: Loadable | undefined
  #piece: Iterator<Loadable> = [][Symbol.iterator]()

  constructor(source: S) {
    this.source = source
  }

  async advance(): Promise<void> {
    for (;;) {
      const next = this.#piece.next()
      if (next.done !== true) {
        this.record = next.value
        return
      }
      const piece = await this.source.pieces.next()
      this.record = undefined
      if (piece.done === true) return
      this.#piece = piece.value[Symbol.iterator]()
    }
  }
}

/** The head to take: a rejection at once, else the smallest time; undefined if all sources have ended. */
function earliest<S extends Pieces>(heads: readonly Head<S>[]): Head<S> | undefined {
  let best: Head<S> | undefined
  let bestMs = Number.POSITIVE_INFINITY
  for (const head of heads) {
    if (head.record === undefined) continue
    const timeMs = head.record.row?.measuredAtMs ?? Number.NEGATIVE_INFINITY
    if (timeMs < bestMs) {
      best = head
      bestMs = timeMs
    }
  }
  return best
}

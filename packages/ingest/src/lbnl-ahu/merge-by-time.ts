import type { Loadable } from '../files/loadable.ts'

/**
 * Merges sources that are each in time order into one in time order, holding one record of each. The units then advance
 * together, as a live fleet would. Rejections come where they stand in their source.
 */
export async function* mergeByTime(
  sources: readonly AsyncGenerator<Loadable>[],
): AsyncGenerator<Loadable> {
  try {
    const heads = await Promise.all(sources.map((source) => source.next()))
    for (;;) {
      const next = earliest(heads)
      const source = sources[next]
      const head = heads[next]
      if (source === undefined || head === undefined || head.done === true) return
      yield head.value
      heads[next] = await source.next()
    }
  } finally {
    await Promise.all(sources.map((source) => source.return(undefined)))
  }
}

/** Index of the head to take: a rejection at once, else the smallest time; -1 if all sources have ended. */
function earliest(heads: readonly IteratorResult<Loadable>[]): number {
  let best = -1
  let bestMs = Number.POSITIVE_INFINITY
  for (const [index, head] of heads.entries()) {
    if (head.done === true) continue
    const timeMs = head.value.row?.measuredAtMs ?? Number.NEGATIVE_INFINITY
    if (timeMs < bestMs) {
      best = index
      bestMs = timeMs
    }
  }
  return best
}

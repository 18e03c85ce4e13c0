import { setTimeout as delay } from 'node:timers/promises'

/** What `sample` gave, again and again, until `work` was over. Rejects where `work` does. */
export async function sampleDuring<Value>(
  work: Promise<unknown>,
  everyMs: number,
  sample: () => Promise<Value>,
): Promise<Value[]> {
  const over = new AbortController()
  const ended = work.finally(() => {
    over.abort()
  })
  // It is awaited below; until then a failure must not count as unhandled.
  ended.catch(() => undefined)
  const samples: Value[] = []
  while (!over.signal.aborted) {
    samples.push(await sample())
    await delay(everyMs)
  }
  await ended
  return samples
}
